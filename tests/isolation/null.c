/* SPDX-License-Identifier: MIT */
/* A program that does nothing: what spawning alone costs. */
int main(void)
{
	return 0;
}
