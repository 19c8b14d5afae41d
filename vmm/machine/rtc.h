/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rtc.h: the MC146818 clock: time of day and CMOS memory. No alarm, no periodic interrupt.
 *
 * The time is the host's (UTC) and cannot be set. Not locked: the caller serialises.
 */
#ifndef KMC_RTC_H
#define KMC_RTC_H

#include <stdint.h>
#include <time.h>

struct rtc {
	uint8_t index;
	uint8_t cmos[128];
};

void rtc_init(struct rtc *rtc);
void rtc_select(struct rtc *rtc, uint8_t index);
uint8_t rtc_read(const struct rtc *rtc, time_t now);
void rtc_write(struct rtc *rtc, uint8_t value);

#endif
