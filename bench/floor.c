/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The least that a libmilter filter can do: it negotiates what it is told,
 * decides nothing and adds one header.  Socket, stacks and backlog are as our
 * daemon sets them, so that the difference is the work.
 *
 *	floor SOCKET PROTOCOL [STAGE=SYMBOLS]... [wait=MS]
 *
 * PROTOCOL is the mask of steps in hexadecimal, as the other filter answered
 * it.  With wait=MS each RCPT takes so long, as if for the DNS.
 */

#include "config.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libmilter/mfapi.h>

#define STACK_SIZE (256 * 1024)
#define BACKLOG 1024
#define STAGES 7

static unsigned long protocol;
static unsigned wait_ms;
static char *symbols[STAGES];
static char name[] = "spf-milter-floor";
static char header_name[] = "Received-SPF";
static char header_value[] = "pass (mx.example.org: domain of "
    "u@d0001.simple.example designates\n\t192.0.2.17 as permitted sender) "
    "identity=mailfrom; client-ip=192.0.2.17;\n\t"
    "envelope-from=\"u@d0001.simple.example\"; helo=mail.example";

static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long f0, unsigned long f1,
    unsigned long f2, unsigned long f3, unsigned long *pf0,
    unsigned long *pf1, unsigned long *pf2, unsigned long *pf3)
{
	(void)f2;
	(void)f3;
	*pf0 = SMFIF_ADDHDRS | SMFIF_CHGHDRS | (f0 & SMFIF_SETSYMLIST);
	*pf1 = f1 & protocol;
	*pf2 = 0;
	*pf3 = 0;
	for (int i = 0; i < STAGES; i++)
		if (symbols[i] != NULL)
			smfi_setsymlist(ctx, i, symbols[i]);
	return SMFIS_CONTINUE;
}

static sfsistat
on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *sa)
{
	(void)ctx;
	(void)host;
	(void)sa;
	return (protocol & SMFIP_NR_CONN) != 0 ? SMFIS_NOREPLY
	    : SMFIS_CONTINUE;
}

static sfsistat
on_helo(SMFICTX *ctx, char *arg)
{
	(void)ctx;
	(void)arg;
	return (protocol & SMFIP_NR_HELO) != 0 ? SMFIS_NOREPLY
	    : SMFIS_CONTINUE;
}

static sfsistat
on_mail(SMFICTX *ctx, char **argv)
{
	(void)ctx;
	(void)argv;
	return (protocol & SMFIP_NR_MAIL) != 0 ? SMFIS_NOREPLY
	    : SMFIS_CONTINUE;
}

static sfsistat
on_rcpt(SMFICTX *ctx, char **argv)
{
	(void)ctx;
	(void)argv;
	if (wait_ms > 0)
		usleep(wait_ms * 1000);
	return (protocol & SMFIP_NR_RCPT) != 0 ? SMFIS_NOREPLY
	    : SMFIS_CONTINUE;
}

static sfsistat
on_header(SMFICTX *ctx, char *field, char *value)
{
	(void)ctx;
	(void)field;
	(void)value;
	return (protocol & SMFIP_NR_HDR) != 0 ? SMFIS_NOREPLY
	    : SMFIS_CONTINUE;
}

static sfsistat
on_eom(SMFICTX *ctx)
{
	smfi_insheader(ctx, 0, header_name, header_value);
	return SMFIS_CONTINUE;
}

static sfsistat
on_close(SMFICTX *ctx)
{
	(void)ctx;
	return SMFIS_CONTINUE;
}

static void
set_nodelay(void)
{
	for (int fd = 0; fd < 64; fd++) {
		int value = 0;
		socklen_t len = sizeof(value);

		if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value,
		    &len) == 0 && value != 0) {
			value = 1;
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value,
			    sizeof(value));
		}
	}
}

static void
set_stack(void)
{
	pthread_attr_t attr;

	if (pthread_attr_init(&attr) != 0)
		return;
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	pthread_setattr_default_np(&attr);
	pthread_attr_destroy(&attr);
}

static void
take_argument(char *text)
{
	char *end;

	if (strncmp(text, "wait=", 5) == 0)
		wait_ms = (unsigned)strtoul(text + 5, NULL, 10);
	unsigned long stage = strtoul(text, &end, 10);

	if (*end == '=' && stage < STAGES)
		symbols[stage] = end + 1;
}

int
main(int argc, char **argv)
{
	struct smfiDesc filter = {
		.xxfi_name = name,
		.xxfi_version = SMFI_VERSION,
		.xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS |
		    SMFIF_SETSYMLIST,
		.xxfi_negotiate = on_negotiate,
		.xxfi_connect = on_connect,
		.xxfi_helo = on_helo,
		.xxfi_envfrom = on_mail,
		.xxfi_envrcpt = on_rcpt,
		.xxfi_header = on_header,
		.xxfi_eom = on_eom,
		.xxfi_close = on_close
	};

	if (argc < 3) {
		fprintf(stderr, "usage: floor SOCKET PROTOCOL "
		    "[STAGE=SYMBOLS]... [wait=MS]\n");
		return 64;
	}
	protocol = strtoul(argv[2], NULL, 16);
	for (int i = 3; i < argc; i++)
		take_argument(argv[i]);
	smfi_setbacklog(BACKLOG);
	if (smfi_setconn(argv[1]) != MI_SUCCESS ||
	    smfi_register(filter) != MI_SUCCESS ||
	    smfi_opensocket(1) != MI_SUCCESS) {
		fprintf(stderr, "floor: cannot listen on %s\n", argv[1]);
		return 69;
	}
	set_nodelay();
	set_stack();
	return smfi_main() == MI_SUCCESS ? 0 : 70;
}
