// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lbd/dataplane lbd/layout lbd/layout_set lbd/sysctls lbd/plan lbd/plan_back */
/* links: lbd/plan_diff lbd/table lib/nft_tx lib/nft_elem lib/nft_expr lib/addr lib/cksum */
/* links: lib/conf lib/conf_build lib/conf_check lib/conf_lists lib/conf_print lib/conf_read */
/* links: lib/conf_report lib/conf_set lib/conf_value lib/log lib/mono lib/mono_now */
/* links: lib/nearest lib/profile lib/schema */
/*
 * The data plane without the rest of lbd, driven by lines on stdin (one answer line each):
 *   apply SERVER...      these servers are up            -> ok | error TEXT
 *   predict POOL CLIENT  the server from the plan        -> SERVER (POOL: number)
 *   share POOL SERVER    buckets it holds                -> COUNT
 *   number SERVER        in marks                        -> NUMBER
 *   left_out             servers that an adopted table sends nobody to -> SERVER... or none
 *   reload FILE          another configuration           -> ok | error
 *   remove               clean stop                      -> ok, then ends
 * End of input ends it without removing the table, as a crash would. Used by dataplane.sh.
 */
#include "lbd/dataplane.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tool {
	struct conf *conf;
	struct log *log;
	struct dataplane *dp;
	struct plan plan;
};

static struct conf *load(const char *path)
{
	struct conf_error *errors = NULL;
	struct conf *conf = conf_load(path, "gw1", CONF_SELF_REQUIRED, &errors);
	conf_errors_print(stderr, path, errors);
	conf_errors_free(errors);
	return conf;
}

/* By name, or by number when name is NULL; names differ over all pools in these tests. */
static const struct conf_server *find_server(const struct tool *t, const char *name,
					     uint16_t number)
{
	for (size_t i = 0; i < t->conf->n_pools; i++) {
		const struct conf_pool *pool = &t->conf->pools[i];
		for (size_t k = 0; k < pool->n_servers; k++) {
			if (name != NULL ? strcmp(pool->servers[k].name, name) == 0
					 : pool->servers[k].number == number)
				return &pool->servers[k];
		}
	}
	return NULL;
}

static uint16_t number_of(const struct tool *t, const char *name)
{
	const struct conf_server *server = find_server(t, name, 0);
	return server != NULL ? server->number : 0;
}

static void cmd_apply(struct tool *t, char *rest)
{
	bool *up = calloc(plan_servers(t->conf) + 1, sizeof(*up));
	char *save = NULL;
	for (char *word = strtok_r(rest, " ", &save); word != NULL;
	     word = strtok_r(NULL, " ", &save)) {
		if (up != NULL)
			up[number_of(t, word)] = true;
	}
	struct nft_tx_error error = {0};
	if (up == NULL || !plan_build(&t->plan, t->conf, up))
		printf("error out of memory\n");
	else if (dataplane_apply(t->dp, &t->plan, &error) != 0)
		printf("error %s\n", error.text);
	else if (dataplane_sysctls(t->log) != 0)
		printf("error sysctls\n");
	else
		printf("ok\n");
	free(up);
}

static void cmd_predict(const struct tool *t, const char *rest)
{
	unsigned pool = 0;
	char text[ADDR_STR_MAX] = "";
	struct addr client;
	if (sscanf(rest, "%u %47s", &pool, text) != 2 || !addr_parse(text, &client))
		printf("error usage\n");
	else {
		uint16_t number = plan_server_of(&t->plan, (uint16_t)pool, &client);
		const struct conf_server *server = find_server(t, NULL, number);
		printf("%s\n", server != NULL ? server->name : "nobody");
	}
}

static void cmd_share(const struct tool *t, const char *rest)
{
	unsigned pool = 0;
	char name[CONF_NAME_MAX] = "";
	if (sscanf(rest, "%u %31s", &pool, name) != 2)
		printf("error usage\n");
	else
		printf("%zu\n", plan_buckets_of(&t->plan, (uint16_t)pool, number_of(t, name)));
}

static void cmd_left_out(const struct tool *t)
{
	bool *out = calloc(plan_servers(t->conf) + 1, sizeof(*out));
	bool any = false;
	if (out != NULL)
		plan_left_out(dataplane_applied(t->dp), t->conf, out);
	for (size_t n = 1; out != NULL && n <= plan_servers(t->conf); n++) {
		if (!out[n])
			continue;
		printf("%s%s", any ? " " : "", find_server(t, NULL, (uint16_t)n)->name);
		any = true;
	}
	printf("%s\n", any ? "" : "none");
	free(out);
}

static void cmd_reload(struct tool *t, const char *path)
{
	struct conf *conf = load(path);
	if (conf == NULL) {
		printf("error configuration\n");
		return;
	}
	conf_free(t->conf);
	t->conf = conf;
	printf("ok\n");
}

/* Returns false when the tool shall end. */
static bool command(struct tool *t, char *line)
{
	char *rest = line + strcspn(line, " ");
	if (*rest != '\0')
		*rest++ = '\0';
	if (strcmp(line, "apply") == 0)
		cmd_apply(t, rest);
	else if (strcmp(line, "predict") == 0)
		cmd_predict(t, rest);
	else if (strcmp(line, "share") == 0)
		cmd_share(t, rest);
	else if (strcmp(line, "number") == 0)
		printf("%u\n", number_of(t, rest));
	else if (strcmp(line, "left_out") == 0)
		cmd_left_out(t);
	else if (strcmp(line, "reload") == 0)
		cmd_reload(t, rest);
	else if (strcmp(line, "remove") == 0) {
		dataplane_close(t->dp, true);
		t->dp = NULL;
		printf("ok\n");
		return false;
	} else
		printf("error unknown command\n");
	return true;
}

int main(int argc, char **argv)
{
	struct tool t = {0};
	int status = EXIT_FAILURE;
	if (argc != 2) {
		fprintf(stderr, "usage: dp_tool CONFIGURATION\n");
		return 2;
	}
	plan_init(&t.plan);
	setvbuf(stdout, NULL, _IOLBF, 0);
	t.log = log_new("dp_tool", LOG_LEVEL_DEBUG);
	t.conf = load(argv[1]);
	if (t.log == NULL || t.conf == NULL || dataplane_open(t.conf, t.log, &t.dp) != 0)
		goto out;
	char line[512];
	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (!command(&t, line))
			break;
	}
	status = EXIT_SUCCESS;
out:
	dataplane_close(t.dp, false);
	plan_fini(&t.plan);
	conf_free(t.conf);
	log_free(t.log);
	return status;
}
