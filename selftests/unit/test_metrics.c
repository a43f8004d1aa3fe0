/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_metrics.c - the words of --metrics, the text format, and what becomes of
 * a collected document. Whether a live agent's numbers are true is tested with one.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "metrics/address.h"
#include "metrics/collect.h"
#include "metrics/text.h"

#include "../tap.h"

#define ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

static void addresses_are_read(void)
{
	static const struct {
		const char *text;
		const char *host;
		int port;
	} rows[] = {
		{ "9120", "127.0.0.1", 9120 },
		{ "0.0.0.0:80", "0.0.0.0", 80 },
		{ "10.0.0.1:65535", "10.0.0.1", 65535 },
		{ "[::1]:9120", "::1", 9120 },
		{ "[fd00::1]:1", "fd00::1", 1 },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct wd_metrics_address addr;
		char host[INET6_ADDRSTRLEN] = "";
		bool v6 = rows[i].text[0] == '[';

		wd_test_row(rows[i].text);
		if (!wd_expect_int(0, wd_metrics_address(rows[i].text, &addr)))
			continue;
		wd_expect_int(v6 ? AF_INET6 : AF_INET, addr.sa.sa_family);
		inet_ntop(addr.sa.sa_family,
			  v6 ? (void *)&addr.in6.sin6_addr :
			       (void *)&addr.in.sin_addr,
			  host, sizeof(host));
		wd_expect_str(rows[i].host, host);
		wd_expect_int(rows[i].port, ntohs(v6 ? addr.in6.sin6_port :
						       addr.in.sin_port));
	}
}

static void what_is_no_address_is_refused(void)
{
	static const char *const rows[] = {
		"",
		"0",
		"65536",
		"-1",
		" 80",
		"80 ",
		"+80",
		"http",
		":80",
		"localhost:80",
		"::1:80",
		"[::1]",
		"[::1]80",
		"[::1",
		"[127.0.0.1]:80",
		"1.2.3:80",
		"1.2.3.4:",
		"[]:80",
		"[:80",
		"unix:",
		"unix:a",
		"unix:/",
		"unix:/a/",
		"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:80",
	};
	struct wd_metrics_address addr;
	char path[200];

	for (size_t i = 0; i < ROWS(rows); i++) {
		wd_test_row(rows[i]);
		wd_expect_int(-EINVAL, wd_metrics_address(rows[i], &addr));
	}
	wd_test_row("a long path");
	memset(path, 'a', sizeof(path));
	memcpy(path, "unix:/", 6);
	path[sizeof(path) - 1] = '\0';
	wd_expect_int(-ENAMETOOLONG, wd_metrics_address(path, &addr));
	path[6 + 106] = '\0'; /* 107 bytes of path, and the NUL */
	wd_expect_int(0, wd_metrics_address(path, &addr));
}

static void socket_takes_the_place_of_a_dead_one_alone(void)
{
	char dir[] = "/tmp/wdt-metrics-XXXXXX", text[64];
	struct wd_metrics_address addr;
	struct stat st;
	FILE *file;
	int fd;

	if (!mkdtemp(dir))
		abort();
	(void)snprintf(text, sizeof(text), "unix:%s/s", dir);
	wd_expect_int(0, wd_metrics_address(text, &addr));
	fd = wd_metrics_listen(&addr);
	wd_expect(fd >= 0);
	wd_expect_int(0, stat(text + 5, &st));
	wd_expect_int(0600, st.st_mode & 0777);
	wd_expect_int(-EADDRINUSE, wd_metrics_listen(&addr));
	close(fd); /* as a process that was killed leaves it */
	fd = wd_metrics_listen(&addr);
	wd_expect(fd >= 0);
	close(fd);
	unlink(text + 5);
	file = fopen(text + 5, "w");
	if (file)
		fclose(file);
	wd_expect_int(-EADDRINUSE, wd_metrics_listen(&addr));
	wd_expect_int(0, stat(text + 5, &st)); /* a file is nobody's to take */
	unlink(text + 5);
	rmdir(dir);
}

static void text_is_of_the_format(void)
{
	struct wd_metrics *m = wd_metrics_new();
	size_t len;
	char *text;

	wd_metrics_family(m, "a_total", WD_COUNTER, "What, \"a\\b\"\nand c.");
	wd_metrics_int(m, NULL, 9007199254740993);
	wd_metrics_int(m, WD_LABELS({ "x", "a\\b\"c\nd" }, { "y", "" }), -1);
	wd_metrics_family(m, "b_seconds", WD_GAUGE, "Time.");
	wd_metrics_real(m, NULL, 0.001519);
	text = wd_metrics_end(m, &len);
	wd_expect_str("# HELP a_total What, \"a\\\\b\"\\nand c.\n"
		      "# TYPE a_total counter\n"
		      "a_total 9007199254740993\n"
		      "a_total{x=\"a\\\\b\\\"c\\nd\",y=\"\"} -1\n"
		      "# HELP b_seconds Time.\n"
		      "# TYPE b_seconds gauge\n"
		      "b_seconds 0.001519\n",
		      text);
	wd_expect_int((long long)strlen(text), (long long)len);
	free(text);
}

/* Of a document given as JSON; to be freed. */
static char *text_of(const char *json)
{
	struct json_object *doc = json_tokener_parse(json);
	size_t len;
	char *text = wd_metrics_of(doc, &len);

	json_object_put(doc);
	return text;
}

static void expect_line(const char *text, const char *line)
{
	const char *at = text;
	size_t len = strlen(line);

	wd_test_row(line);
	while ((at = strstr(at, line))) {
		if ((at == text || at[-1] == '\n') && at[len] == '\n')
			break;
		at++;
	}
	wd_expect(at != NULL);
	wd_test_row(NULL);
}

static void every_name_is_there_from_the_beginning(void)
{
	char *text = text_of("{}");

	expect_line(text, "warder_ready 0");
	expect_line(text, "warder_rung_cause{cause=\"none\"} 1");
	expect_line(text, "warder_rung_cause{cause=\"verifier\"} 0");
	expect_line(text, "warder_ladder_failures_total{cause=\"jit\"} 0");
	expect_line(text, "warder_rung{family=\"wires\",rung=\"none\"} 1");
	expect_line(text, "warder_object_problems{effect=\"kept\"} 0");
	expect_line(text, "warder_wireguard_findings{finding=\"no-device\","
			  "stops=\"1\"} 0");
	free(text);
}

static void numbers_come_from_their_places(void)
{
	char *text = text_of(
		"{\"rung\":\"compat\",\"rung_cause\":\"jit\",\"start_us\":1500,"
		"\"ready\":true,\"generation\":7,"
		"\"commits\":{\"total\":3,\"last_us\":2000000},"
		"\"counters\":[{\"reason\":\"DEFAULT\",\"direction\":\"egress\","
		"\"verdict\":\"drop\",\"packets\":5,\"bytes\":500}],"
		"\"endpoints\":{\"enforced\":4,\"waiting\":1},"
		"\"problems\":[{\"effect\":\"kept\"},{\"effect\":\"kept\"},"
		"{\"effect\":\"ignored\"}],"
		"\"services\":{\"error\":\"-EINVAL\"},"
		"\"maps\":{\"wd_row\":{\"used\":8,\"max\":16384}},"
		"\"wires\":{\"open\":true,\"new_devices_open\":true,\"new_devices_dropped\":7,\"rung\":\"full\",\"devices\":["
		"{\"guarded\":true},{\"guarded\":false},{\"guarded\":true}]},"
		"\"wireguard\":{\"devices\":[{}],\"findings\":["
		"{\"finding\":\"node-without-peer\"},"
		"{\"finding\":\"node-without-peer\"}]},"
		"\"agent\":{\"started_ms\":1700000000123,\"rss_bytes\":4096,"
		"\"encryption_required\":true,"
		"\"ladder_failures\":{\"jit\":2},"
		"\"wireguard\":{\"shaken\":2,\"unshaken\":1,\"oldest_s\":90},"
		"\"cover\":[{\"kind\":\"esp\",\"direction\":\"ingress\","
		"\"packets\":3,\"bytes\":30}]}}");
	static const char *const lines[] = {
		"warder_agent_start_time_seconds 1700000000.123",
		"warder_agent_start_duration_seconds 0.0015",
		"warder_ready 1",
		"warder_generation 7",
		"warder_commit_last_duration_seconds 2",
		"warder_rung{family=\"pods\",rung=\"compat\"} 1",
		"warder_rung{family=\"pods\",rung=\"full\"} 0",
		"warder_rung{family=\"wires\",rung=\"full\"} 1",
		"warder_rung_cause{cause=\"jit\"} 1",
		"warder_rung_cause{cause=\"none\"} 0",
		"warder_ladder_failures_total{cause=\"jit\"} 2",
		"warder_packets_total{reason=\"DEFAULT\",direction=\"egress\","
		"verdict=\"drop\"} 5",
		"warder_packet_bytes_total{reason=\"DEFAULT\",direction="
		"\"egress\",verdict=\"drop\"} 500",
		"warder_endpoints{state=\"waiting\"} 1",
		"warder_object_problems{effect=\"kept\"} 2",
		"warder_object_problems{effect=\"isolated\"} 0",
		"warder_map_entries{map=\"wd_row\"} 8",
		"warder_map_max_entries{map=\"wd_row\"} 16384",
		"warder_services_fallback 1",
		"warder_wire_open 1",
		"warder_new_devices_open 1",
		"warder_new_devices_dropped_total 7",
		"warder_report_writes_total 0",
		"warder_report_untold_total 0",
		"warder_wires{state=\"guarded\"} 2",
		"warder_wires{state=\"unguarded\"} 1",
		"warder_wireguard_devices 1",
		"warder_wireguard_peers{handshake=\"never\"} 1",
		"warder_wireguard_handshake_max_age_seconds 90",
		"warder_wireguard_findings{finding=\"node-without-peer\","
		"stops=\"0\"} 2",
		"warder_encryption_bytes_total{evidence=\"esp\",direction="
		"\"ingress\"} 30",
	};

	for (size_t i = 0; i < ROWS(lines); i++)
		expect_line(text, lines[i]);
	free(text);
}

static void handshakes_are_a_histogram(void)
{
	char *text = text_of(
		"{\"agent\":{\"handshakes\":[{\"namespace\":\"shop\",\"side\":\"client\","
		"\"below\":[1,4],\"count\":5,\"sum_ns\":2500000}],"
		"\"guards\":[{\"namespace\":\"shop\",\"side\":\"client\","
		"\"slow\":true,\"baseline_p99_ns\":1500000}]}}");
	static const char *const lines[] = {
		"warder_handshake_seconds_bucket{namespace=\"shop\","
		"side=\"client\",le=\"3.2768e-05\"} 1",
		"warder_handshake_seconds_bucket{namespace=\"shop\","
		"side=\"client\",le=\"6.5536e-05\"} 4",
		"warder_handshake_seconds_bucket{namespace=\"shop\","
		"side=\"client\",le=\"+Inf\"} 5",
		"warder_handshake_seconds_sum{namespace=\"shop\","
		"side=\"client\"} 0.0025",
		"warder_handshake_seconds_count{namespace=\"shop\","
		"side=\"client\"} 5",
		"warder_slo_slow{namespace=\"shop\",side=\"client\"} 1",
		"warder_slo_baseline_seconds{namespace=\"shop\","
		"side=\"client\",quantile=\"0.99\"} 0.0015",
		"warder_slo_window_seconds{namespace=\"shop\","
		"side=\"client\",quantile=\"0.5\"} 0",
	};

	for (size_t i = 0; i < ROWS(lines); i++)
		expect_line(text, lines[i]);
	free(text);
}

int main(void)
{
	WD_TEST(addresses_are_read);
	WD_TEST(what_is_no_address_is_refused);
	WD_TEST(socket_takes_the_place_of_a_dead_one_alone);
	WD_TEST(text_is_of_the_format);
	WD_TEST(every_name_is_there_from_the_beginning);
	WD_TEST(numbers_come_from_their_places);
	WD_TEST(handshakes_are_a_histogram);
	return wd_tests_end();
}
