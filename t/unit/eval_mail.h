/* SPDX-License-Identifier: BSD-2-Clause */
/* The mail that most tests of evaluations are about. */

#ifndef EVAL_MAIL_H
#define EVAL_MAIL_H

#include "addr_text.h"
#include "eval/eval.h"

/* user@example.com from 192.0.2.1, with all that can be told of it. */
static inline struct eval_request
eval_mail(void)
{
	return (struct eval_request){
		.scope = SCOPE_MAILFROM, .local = "user",
		.domain = "example.com", .helo = "mail.example.net",
		.receiver = "mx.example.org", .client = addr_of("192.0.2.1"),
		.time_s = 1234567890, .max_lookups = 10,
		.max_void_lookups = 2, .want_explanation = true,
		.want_trace = true
	};
}

#endif
