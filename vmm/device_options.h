/* SPDX-License-Identifier: GPL-2.0-only */
/* device_options.h: --disk, --net and so on. Used by options.c. */
#ifndef KMC_DEVICE_OPTIONS_H
#define KMC_DEVICE_OPTIONS_H

#include "devices.h"

#define DEVICE_OPTION_ROOT_TAG "rootfs" /* of --rootfs */

/*
 * Adds what the option's value says to c. NULL, or what the user should do about it. What is in
 * the values of --disk, --fs and --rootfs is copied and stays; the others stay the caller's.
 */
const char *device_option_disk(struct devices_config *c, const char *value);
const char *device_option_console(struct devices_config *c, const char *value);
const char *device_option_vsock(struct devices_config *c, const char *value);
const char *device_option_fs(struct devices_config *c, const char *value);
const char *device_option_rootfs(struct devices_config *c, const char *value);
const char *device_option_net(struct devices_config *c, const char *value);

#endif
