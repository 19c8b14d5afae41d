/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * step.h: one guest instruction on the hardware, no interrupts. Used by vmm/checker/step.c.
 *
 * KVM's public API has no monitor trap flag; the one implementation uses KVM_SET_GUEST_DEBUG
 * (KVM API documentation, 4.87). Another one would provide the same two calls.
 */
#ifndef KMC_STEP_H
#define KMC_STEP_H

/* From step_arm on, each KVM_RUN of this vCPU ends with KVM_EXIT_DEBUG after one instruction. */
int step_arm(int vcpu_fd); /* 0 or a negative errno */
int step_disarm(int vcpu_fd);

#endif
