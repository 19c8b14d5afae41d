// SPDX-License-Identifier: GPL-2.0-only
/*
 * rtc.c: MC146818 registers. Source: Motorola MC146818A data sheet; century register as the FADT
 * says.
 */
#include <stdbool.h>
#include <string.h>
#include "rtc.h"

enum {
	RTC_SECONDS = 0x00,
	RTC_MINUTES = 0x02,
	RTC_HOURS = 0x04,
	RTC_WEEKDAY = 0x06,
	RTC_DAY = 0x07,
	RTC_MONTH = 0x08,
	RTC_YEAR = 0x09,
	RTC_A = 0x0a,
	RTC_B = 0x0b,
	RTC_C = 0x0c,
	RTC_D = 0x0d,
	RTC_RAM = 0x0e,
	RTC_CENTURY = 0x32,
};

#define A_32768HZ    0x26u
#define B_24H	     0x02u
#define B_INTERRUPTS 0x70u
#define D_VALID	     0x80u

void rtc_init(struct rtc *rtc)
{
	memset(rtc, 0, sizeof(*rtc));
	rtc->cmos[RTC_A] = A_32768HZ;
	rtc->cmos[RTC_B] = B_24H;
	rtc->cmos[RTC_D] = D_VALID;
}

void rtc_select(struct rtc *rtc, uint8_t index)
{
	rtc->index = index & 0x7f; /* bit 7 masks the NMI */
}

static uint8_t bcd(int value)
{
	return (uint8_t)(value / 10 % 10 << 4 | value % 10);
}

uint8_t rtc_read(const struct rtc *rtc, time_t now)
{
	struct tm tm;

	gmtime_r(&now, &tm);
	switch (rtc->index) {
	case RTC_SECONDS:
		return bcd(tm.tm_sec);
	case RTC_MINUTES:
		return bcd(tm.tm_min);
	case RTC_HOURS:
		return bcd(tm.tm_hour);
	case RTC_WEEKDAY:
		return (uint8_t)(tm.tm_wday + 1);
	case RTC_DAY:
		return bcd(tm.tm_mday);
	case RTC_MONTH:
		return bcd(tm.tm_mon + 1);
	case RTC_YEAR:
		return bcd(tm.tm_year % 100);
	case RTC_CENTURY:
		return bcd(19 + tm.tm_year / 100);
	default:
		return rtc->cmos[rtc->index];
	}
}

static bool writable(uint8_t index)
{
	/* The alarm registers lie between those of the time. */
	return index == 0x01 || index == 0x03 || index == 0x05 || index == RTC_B ||
	       (index >= RTC_RAM && index != RTC_CENTURY);
}

void rtc_write(struct rtc *rtc, uint8_t value)
{
	if (!writable(rtc->index))
		return;
	/* Always decimal and 24 hours; there is nothing behind the interrupt enables. */
	if (rtc->index == RTC_B)
		value = (uint8_t)((value & ~(B_INTERRUPTS | 0x07u)) | B_24H);
	rtc->cmos[rtc->index] = value;
}
