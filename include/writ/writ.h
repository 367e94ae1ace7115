/* SPDX-License-Identifier: MIT */
/*
 * Everything a proc needs: include this, link libwrit.a statically, and write
 *
 *	int writ_main(int argc, char **argv);
 *
 * libwrit's main() adopts the gate and calls it; what it returns is the exit code.
 */
#pragma once
#include <writ/err.h>
#include <writ/fs.h>
#include <writ/gate.h>
#include <writ/ipc.h>
#include <writ/proc.h>
#include <writ/rights.h>

int writ_main(int argc, char **argv);
