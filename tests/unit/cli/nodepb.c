/* SPDX-License-Identifier: MIT */
/* Prints what `writ up` keeps of a node's manifest: here a node without host folders. */
#include <stdio.h>
#include <writ/manifest.pb-c.h>

int main(void)
{
	Writ__Manifest__Node node = WRIT__MANIFEST__NODE__INIT;
	uint8_t buf[256];
	size_t n;

	node.name = (char *)"test";
	n = writ__manifest__node__pack(&node, buf);
	return fwrite(buf, 1, n, stdout) == n ? 0 : 1;
}
