// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lib/conf lib/conf_read lib/conf_build lib/conf_set lib/conf_lists lib/conf_value */
/* links: lib/conf_report lib/conf_check lib/conf_print lib/schema lib/nearest lib/profile */
/* links: lib/addr lib/mono */
/*
 * Any bytes as a configuration: no crash, a finding whenever nothing is loaded, and what is loaded
 * prints to text that loads to an equal configuration.
 */
#include "conf.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_error *errors, *more_errors;
	struct conf *conf =
		conf_parse("fuzz", (const char *)data, size, NULL, CONF_SELF_OPTIONAL, &errors);

	if (!conf && !errors)
		abort();
	conf_errors_free(errors);
	if (!conf)
		return 0;

	char *text;
	size_t len_bytes;
	FILE *out = open_memstream(&text, &len_bytes);

	if (!out)
		abort();
	conf_print(out, conf);
	fclose(out);

	struct conf *again =
		conf_parse("fuzz", text, len_bytes, NULL, CONF_SELF_OPTIONAL, &more_errors);

	if (!again || again->hash != conf->hash)
		abort();
	conf_errors_free(more_errors);
	conf_free(again);
	conf_free(conf);
	free(text);
	return 0;
}
