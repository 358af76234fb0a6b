# SPDX-License-Identifier: LGPL-2.1-or-later

# FDGDB_WARN_IF(FLAG): adds FLAG to WARN_CFLAGS if the compiler takes it.
AC_DEFUN([FDGDB_WARN_IF], [
	AS_VAR_PUSHDEF([cache], [fdgdb_cv_cc_$1])
	AC_CACHE_CHECK([whether $CC takes $1], [cache], [
		save_CFLAGS=$CFLAGS
		CFLAGS="$CFLAGS -Werror $1"
		AC_COMPILE_IFELSE([AC_LANG_PROGRAM()], [AS_VAR_SET([cache], [yes])],
			[AS_VAR_SET([cache], [no])])
		CFLAGS=$save_CFLAGS
	])
	AS_VAR_IF([cache], [yes], [WARN_CFLAGS="$WARN_CFLAGS $1"])
	AS_VAR_POPDEF([cache])
])

AC_DEFUN([FDGDB_WARNINGS], [
	AC_ARG_ENABLE([werror],
		[AS_HELP_STRING([--enable-werror], [make compiler warnings errors (for developers)])],
		[], [enable_werror=no])
	WARN_CFLAGS=
	m4_foreach_w([flag], [-Wall -Wextra -Wshadow -Wstrict-prototypes -Wold-style-definition
		-Wmissing-prototypes -Wmissing-declarations -Wpointer-arith -Wwrite-strings
		-Wformat=2 -Wundef -Wvla -Wimplicit-fallthrough -Wnull-dereference
		-Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wtrampolines
		-Wframe-larger-than=16384],
		[FDGDB_WARN_IF(flag)])
	AS_IF([test "x$enable_werror" = xyes], [WARN_CFLAGS="$WARN_CFLAGS -Werror"])
	AC_SUBST([WARN_CFLAGS])
])

AC_DEFUN([FDGDB_SANITIZERS], [
	AC_ARG_ENABLE([asan], [AS_HELP_STRING([--enable-asan], [build with AddressSanitizer])],
		[], [enable_asan=no])
	AC_ARG_ENABLE([ubsan],
		[AS_HELP_STRING([--enable-ubsan], [build with UndefinedBehaviorSanitizer, findings fatal])],
		[], [enable_ubsan=no])
	SAN_CFLAGS=
	AS_IF([test "x$enable_asan" = xyes], [SAN_CFLAGS="$SAN_CFLAGS -fsanitize=address"])
	AS_IF([test "x$enable_ubsan" = xyes],
		[SAN_CFLAGS="$SAN_CFLAGS -fsanitize=undefined -fno-sanitize-recover=all"])
	AS_IF([test -n "$SAN_CFLAGS"], [SAN_CFLAGS="$SAN_CFLAGS -fno-omit-frame-pointer"])
	AC_SUBST([SAN_CFLAGS])
])
