/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "model/scx.h"

#include <inttypes.h>
#include <stdio.h>

void dsq_origin_text(const struct dsq_row *d, char buf[32])
{
	switch (d->origin) {
	case DSQ_LOCAL:
		snprintf(buf, 32, "local cpu %" PRIu32, d->index);
		return;
	case DSQ_BYPASS:
		snprintf(buf, 32, "bypass cpu %" PRIu32, d->index);
		return;
	case DSQ_GLOBAL:
		snprintf(buf, 32, "global node %" PRIu32, d->index);
		return;
	case DSQ_REJECT:
		snprintf(buf, 32, "reject cpu %" PRIu32, d->index);
		return;
	case DSQ_RESCUE:
		snprintf(buf, 32, "rescue cpu %" PRIu32, d->index);
		return;
	case DSQ_USER:
		break;
	}
	snprintf(buf, 32, "user");
}
