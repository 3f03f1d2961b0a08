/* SPDX-License-Identifier: BSD-2-Clause */
/* How often strangers may have something done: a network, and all of them. */

#ifndef WHY_LIMIT_H
#define WHY_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

#define WHY_LIMIT_NETWORK 6	/* at once, and then one each ten seconds */
#define WHY_LIMIT_ALL 60	/* at once, and then one each second */

/* More than WHY_LIMIT_ALL allows in the time that a network is remembered. */
#define WHY_LIMIT_NETWORKS 256

struct why_bucket {
	struct addr	network;
	int64_t		full_ms;	/* when it is full again */
};

/* Zero-initialised; one thread at a time. */
struct why_limit {
	struct why_bucket all;
	struct why_bucket networks[WHY_LIMIT_NETWORKS];
};

/*
 * Counts one more of client (AF_UNSPEC: nobody in particular), whose network is
 * a /24, of IPv6 a /56.  False: it is too many, and not counted.
 */
bool	why_limit_pass(struct why_limit *l, const struct addr *client,
	    int64_t now_ms);

#endif
