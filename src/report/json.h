/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A streaming JSON writer.  Output is strict UTF-8 whatever bytes come in, integers are exact, and a failed
 * write (full disk, closed pipe) is remembered and returned at the end.
 *
 *	struct json j;
 *	json_init(&j, stdout, false);
 *	json_open_object(&j);
 *	json_key_u64(&j, "answer", 42);
 *	json_close_object(&j);
 *	TRY(json_finish(&j));
 */
#ifndef FDGDB_JSON_H
#define FDGDB_JSON_H

#include <stdio.h>

#include "base/err.h"
#include "report/strbuf.h"

/* Deepest nesting written; serde_json, which reads our reports, refuses 128 levels. */
enum { JSON_MAX_DEPTH = 127 };

struct json {
	FILE *out;
	bool pretty;	 /* two blanks per level */
	bool check_keys; /* a duplicate key is an error at the end; for tests */

	/* Private. */
	struct err *e;
	size_t used;
	unsigned int depth;
	bool after_key;	 /* a key awaits its value */
	bool top_done;	 /* the document has its one value */
	struct {
		bool object;
		bool flat;	/* an array on one line even if pretty */
		bool filled;	/* something is in it */
		size_t keys;	/* where its keys start in ->keys */
	} level[JSON_MAX_DEPTH];
	struct strbuf keys; /* of the open objects, NUL-separated */
	struct strbuf tmp;
	char buf[64 << 10];
};

/* struct json is large: not for the stack of a fiber. */
void json_init(struct json *j, FILE *out, bool pretty);

/* Ends the document with a newline, flushes, and frees what the writer holds.  Returns the first error:
 * ERR_SYS for a failed write, ERR_LIMIT for too deep a nesting, ERR_CORRUPT for wrong use. */
struct err *json_finish(struct json *j) MUST_CHECK;

/* True once something failed: long jobs may stop early. */
bool json_failed(const struct json *j);

/* Objects and arrays that are open. */
unsigned int json_depth(const struct json *j);

void json_open_object(struct json *j);
void json_close_object(struct json *j);
void json_open_array(struct json *j);
/* Stays on one line even if pretty: for long lists of numbers. */
void json_open_flat_array(struct json *j);
void json_close_array(struct json *j);

/* In objects each value is preceded by its key. */
void json_key(struct json *j, const char *key);

/* Any bytes: what is no UTF-8 becomes U+FFFD (see utf8_decode), control and invisible characters are written
 * as \uXXXX. */
void json_string(struct json *j, const char *s);
void json_string_n(struct json *j, const char *s, size_t n);
void json_u64(struct json *j, uint64_t v);
void json_i64(struct json *j, int64_t v);
void json_bool(struct json *j, bool v);
/* JSON has no infinity and no NaN: those are an error. */
void json_double(struct json *j, double v);
void json_null(struct json *j);

/* A string of lowercase byte pairs separated by blanks: "de ad be ef". */
void json_hex(struct json *j, const uint8_t *data, size_t len);

/* An array of numbers 0 ... 255 without any white space. */
void json_byte_array(struct json *j, const uint8_t *data, size_t len);

static inline void json_key_string(struct json *j, const char *key, const char *s)
{
	json_key(j, key);
	json_string(j, s);
}

static inline void json_key_u64(struct json *j, const char *key, uint64_t v)
{
	json_key(j, key);
	json_u64(j, v);
}

static inline void json_key_i64(struct json *j, const char *key, int64_t v)
{
	json_key(j, key);
	json_i64(j, v);
}

static inline void json_key_bool(struct json *j, const char *key, bool v)
{
	json_key(j, key);
	json_bool(j, v);
}

/* Nothing for NULL. */
static inline void json_opt_string(struct json *j, const char *key, const char *s)
{
	if (s)
		json_key_string(j, key, s);
}

/* Nothing for false. */
static inline void json_opt_true(struct json *j, const char *key, bool v)
{
	if (v)
		json_key_bool(j, key, true);
}

#endif
