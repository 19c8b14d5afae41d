/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ports.h: where the machine's I/O ports and interrupt lines are. Used by ports.c and acpi.c.
 */
#ifndef KMC_PORTS_H
#define KMC_PORTS_H

#include "machine.h"

#define PORT_I8042_DATA	  0x60u
#define PORT_I8042_STATUS 0x64u
#define PORT_RTC	  0x70u
#define PORT_POST	  0x80u
#define PORT_COM1	  0x3f8u
#define PORT_PVPANIC	  0x505u
#define PORT_PM1A_EVT	  0x600u
#define PORT_PM1A_CNT	  0x604u
#define PORT_PCI_ADDRESS  0xcf8u
#define PORT_RESET	  0xcf9u

#define IRQ_COM1 4
#define IRQ_RTC	 8

/*
 * One access of size bytes (1, 2, 4) at port; *value is read or filled. Ports without a device read
 * as all ones and ignore writes. vCPU thread.
 */
void ports_access(struct vcpu *vcpu, uint16_t port, bool write, unsigned size, uint32_t *value);

#endif
