/* SPDX-License-Identifier: MIT */
/* What the parts of t-names share: servers of a fleet, their clients, and a hostile one. */
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <writ/chan.h>
#include <writ/writ.h>

#define SECOND INT64_C(1000000000)

/* One word of the command line after the other. "" when there are no more. */
const char *next_word(void);

/* serve NAME RIGHT... [TIMES]: register the endpoint "own", so often, and answer. */
int serve(void);
/* Steps that try what a registrant must not; true if @word is one of them. */
bool hostile_step(const char *word);
/* Steps of a client. */
bool client_step(const char *word);

/* Say what came of a step. */
void report(const char *what, int64_t r);
