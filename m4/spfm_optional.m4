dnl SPDX-License-Identifier: BSD-2-Clause
dnl SPFM_OPTIONAL(VARIABLE, NAME, MODULE, WITHOUT, CONDITION): the library of a
dnl pkg-config MODULE is used where it is, CONDITION holds, and nobody says
dnl --without-NAME, which means WITHOUT; --with-NAME insists on it.
AC_DEFUN([SPFM_OPTIONAL], [
AC_ARG_WITH([$2], [AS_HELP_STRING([--without-$2], [$4])], [],
	[with_$2=check])
have_$2=no
AS_IF([test "x$with_$2" != xno && m4_default([$5], [:])], [
	PKG_CHECK_MODULES([$1], [$3], [have_$2=yes], [:])
])
AS_IF([test "x$with_$2,$have_$2" = xyes,no],
	[AC_MSG_ERROR([$3, which --with-$2 asks for, cannot be used])])
AM_CONDITIONAL([HAVE_$1], [test $have_$2 = yes])
])
