/* SPDX-License-Identifier: BSD-2-Clause */
/* What the system says of this process: time, memory, descriptors, threads. */

#ifndef PROCESS_FIGURES_H
#define PROCESS_FIGURES_H

#include <stdbool.h>
#include <stdint.h>

struct process_figures {
	uint64_t	cpu_us;		/* of all threads, in user and system */
	uint64_t	start_us;	/* since 1970 */
	uint64_t	virtual_octets;
	uint64_t	resident_octets;
	uint64_t	threads;
	uint64_t	descriptors;	/* open */
	uint64_t	descriptors_max;
};

/*
 * Opens what process_figures_read reads, which needs no name in the file
 * system from then on.  Once, after going to the background.
 */
void	process_figures_open(void);
/* False: this system does not tell, or it has not been opened.  One thread. */
bool	process_figures_read(struct process_figures *out);

#endif
