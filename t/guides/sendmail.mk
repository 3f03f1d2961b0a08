# SPDX-License-Identifier: BSD-2-Clause
# /etc/mail/Makefile of the house that guides are tried in.
cf = /usr/share/sendmail/cf

sendmail.cf: sendmail.mc
	m4 -D_CF_DIR_=$(cf)/ $(cf)/m4/cf.m4 sendmail.mc > sendmail.cf
