/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of milter: keeping libmilter's pool of workers moving. */

#ifndef MILTER_PRIV_H
#define MILTER_PRIV_H

#include <stdbool.h>

/* Remembers the address of the listening socket; before threads. */
void	milter_pump_init(int listen_fd);

/* To be called at the begin of every callback. */
void	milter_pump_entered(void);

#endif
