dnl SPDX-License-Identifier: BSD-2-Clause
dnl SPFM_FLAGS(VARIABLE, FLAGS): adds to VARIABLE each flag that the compiler
dnl takes without a complaint.
AC_DEFUN([SPFM_FLAGS], [
for flag in m4_normalize([$2]); do
	AS_VAR_PUSHDEF([cached], [spfm_cv_cflag_$flag])
	AC_CACHE_CHECK([whether $CC takes $flag], [cached], [
		saved_CFLAGS=$CFLAGS
		CFLAGS="$CFLAGS -Werror $flag"
		AC_COMPILE_IFELSE([AC_LANG_PROGRAM()],
			[AS_VAR_SET([cached], [yes])],
			[AS_VAR_SET([cached], [no])])
		CFLAGS=$saved_CFLAGS
	])
	AS_VAR_IF([cached], [yes], [$1="$$1 $flag"])
	AS_VAR_POPDEF([cached])
done
])
