/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * devices.h: the devices on the machine's PCI bus. Knows neither machine nor checker: they are
 * reached through struct device_host. Used by vmm/machine/ and, for its options, vmm/options.c.
 */
#ifndef KMC_DEVICES_H
#define KMC_DEVICES_H

#include "device_host.h"
#include "disk.h"

/* Where the devices' registers are, guest-physical. */
#define DEVICES_WINDOW	    0xd0000000u
#define DEVICES_WINDOW_SIZE 0x10000000u

#define DEVICES_DISKS	 16u
#define DEVICES_NETS	 4u
#define DEVICES_FORWARDS 16u
#define DEVICES_CONSOLES 4u
#define DEVICES_FOLDERS	 4u
#define MAC_LENGTH	 6u

/* Connections to the host's address and port go to the guest's port. */
struct forward_config {
	bool udp;
	uint32_t host_address; /* IPv4, host byte order; 0: all */
	uint16_t host_port, guest_port;
};

/* A network of the guest's own, net_user.h, or an interface of the host, net_tap.h. */
struct net_config {
	char tap[16];	 /* the interface, "": a network of its own */
	bool has_mac;	 /* otherwise the card has one of its own */
	uint8_t mac[MAC_LENGTH];
	bool restricted; /* the guest reaches nothing; it is only reached by what is forwarded */
	unsigned forwards;
	struct forward_config forward[DEVICES_FORWARDS];
};

/* Connections between the guest and UNIX sockets, vsock.c. */
struct vsock_config {
	const char *path; /* NULL: none */
	uint32_t cid;	  /* the guest's, above 2 */
};

/* A folder of the host, fs.c. */
struct fs_config {
	const char *tag; /* 1 to 36 bytes */
	const char *path;
	bool read_only;
};

struct devices_config {
	bool rng, pvpanic;
	unsigned disks, nets, consoles;
	struct disk_config disk[DEVICES_DISKS];
	struct net_config net[DEVICES_NETS];
	struct vsock_config vsock;
	unsigned folders;
	struct fs_config folder[DEVICES_FOLDERS];
	const char *console[DEVICES_CONSOLES]; /* a file, or unix:PATH */
	uint64_t file_limit;		       /* bytes that a console's file gets; 0: no limit */
};

struct devices;

/* Is there any? Without one the machine has no PCI bus either. */
bool devices_wanted(const struct devices_config *config);
/*
 * 0, or -1 with one line in err that names the remedy; *bad_input: the user's files or options are
 * wrong, otherwise it is the host's fault. config and host are copied; host is not used before
 * devices_start().
 */
int devices_create(const struct devices_config *config, const struct device_host *host,
		   struct devices **out, char *err, size_t errlen, bool *bad_input);
/* After devices_stop(), or where devices_start() was not called. */
void devices_destroy(struct devices *d);

/* Starts the devices' threads. 0 or -errno: then some may run, so stop them. */
int devices_start(struct devices *d);
/* Waits until they have ended. Before it the machine lets nobody wait in enter(). */
void devices_stop(struct devices *d);

/* What a vCPU does: ports 0xcf8..0xcff and memory. False: nothing of ours is there. */
bool devices_port(struct devices *d, uint16_t port, bool write, unsigned size, uint32_t *value);
bool devices_memory(struct devices *d, gpa_t gpa, bool write, void *data, unsigned len);

#endif
