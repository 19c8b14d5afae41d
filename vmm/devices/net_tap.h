/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * net_tap.h: a network card of the host's kernel as the other end. Used by net.c, on its thread.
 * Plain frames: what the host wants to offload it does itself before they come here.
 */
#ifndef KMC_NET_TAP_H
#define KMC_NET_TAP_H

#include <stddef.h>

/*
 * The interface of this name, made for as long as the descriptor is open where there is none and
 * we may. The descriptor, non-blocking, or -1 with one line in err.
 */
int net_tap_open(const char *name, char *err, size_t errlen);

#endif
