/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "fake-target.h"

#include <stdio.h>
#include <stdlib.h>

enum { BUCKETS = 4096 };

struct fake_page {
	struct fake_page *next;
	uint64_t frame;
	bool refused;
	uint8_t data[PAGE_SIZE];
};

static void *must(void *p)
{
	if (!p) {
		fputs("fake target: out of memory\n", stderr);
		abort();
	}
	return p;
}

static struct fake_target *fake(struct target *t)
{
	return (struct fake_target *)((char *)t - offsetof(struct fake_target, t));
}

static struct fake_page *find(const struct fake_target *ft, uint64_t frame)
{
	struct fake_page *p = ft->buckets[frame % BUCKETS];

	while (p && p->frame != frame)
		p = p->next;
	return p;
}

static struct fake_page *find_or_make(struct fake_target *ft, uint64_t frame)
{
	struct fake_page *p = find(ft, frame);

	if (p)
		return p;
	p = must(calloc(1, sizeof(*p)));
	p->frame = frame;
	p->next = ft->buckets[frame % BUCKETS];
	ft->buckets[frame % BUCKETS] = p;
	return p;
}

static bool read_one(const struct fake_target *ft, const struct target_read *r)
{
	for (uint32_t done = 0, n; done < r->len; done += n) {
		uint64_t at = r->addr.v + done, offset = at % PAGE_SIZE;
		const struct fake_page *p = find(ft, at / PAGE_SIZE);

		n = (uint32_t)MIN((uint64_t)(r->len - done), PAGE_SIZE - offset);
		if (p ? p->refused : !ft->t.ram)
			return false;
		if (p)
			memcpy((uint8_t *)r->buf + done, p->data + offset, n);
		else
			memset((uint8_t *)r->buf + done, 0, n);
	}
	return true;
}

static struct err *fake_read(struct target *t, struct target_read *reads, size_t nr)
{
	struct fake_target *ft = fake(t);

	ft->batches++;
	ft->reads += nr;
	ft->max_batch = MAX(ft->max_batch, nr);
	if (ft->released)
		return err_new(ERR_LOST, "fake target: released");
	bool lost = ft->lose_after && ft->reads >= ft->lose_after;
	if (lost && !ft->lose_halfway)
		return err_new(ft->lose_with, "fake target: gone");
	if (lost)
		nr -= MIN(nr, ft->reads - ft->lose_after + 1);
	for (size_t i = 0; i < nr; i++) {
		struct target_read *r = &reads[i];

		if (!r->len || r->len % PAGE_SIZE || r->addr.v % PAGE_SIZE ||
		    !target_is_ram(t, r->addr, r->len))
			ft->outside++;
		ft->bytes += r->len;
		r->ok = read_one(ft, r);
	}
	return lost ? err_new(ft->lose_with, "fake target: gone") : NULL;
}

static struct err *fake_release(struct target *t, bool keep_halted)
{
	struct fake_target *ft = fake(t);

	if (ft->released)
		return NULL;
	ft->released = true;
	ft->releases++;
	ft->kept_halted = keep_halted;
	return NULL;
}

static void fake_stats(const struct target *t, struct target_stats *ret)
{
	const struct fake_target *ft = fake((struct target *)t);

	*ret = (struct target_stats){
		.bytes = ft->bytes, .packets = ft->reads, .round_trips = ft->batches
	};
}

static void fake_destroy(struct target *t)
{
	struct fake_target *ft = fake(t);

	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct fake_page *p = ft->buckets[i], *next; p; p = next) {
			next = p->next;
			free(p);
		}
	}
	free(ft->buckets);
	target_deinit(t);
	free(ft);
}

static const struct target_ops live_ops = {
	.kind = "fake",
	.live = true,
	.read = fake_read,
	.release = fake_release,
	.stats = fake_stats,
	.destroy = fake_destroy,
};

static const struct target_ops file_ops = {
	.kind = "fake file",
	.read = fake_read,
	.release = fake_release,
	.stats = fake_stats,
	.destroy = fake_destroy,
};

struct fake_target *fake_target_new(size_t nr_vcpus)
{
	struct fake_target *ft = must(calloc(1, sizeof(*ft)));

	ft->t.ops = &live_ops;
	ft->t.name = must(strdup("fake"));
	ft->t.vcpus = must(calloc(nr_vcpus + 1, sizeof(*ft->t.vcpus)));
	ft->t.nr_vcpus = nr_vcpus;
	ft->buckets = must(calloc(BUCKETS, sizeof(struct fake_page *)));
	ft->lose_with = ERR_LOST;
	for (size_t i = 0; i < nr_vcpus; i++)
		ft->t.vcpus[i].regs = must(calloc(1, sizeof(struct reg)));
	return ft;
}

void fake_target_set_live(struct fake_target *ft, bool live)
{
	ft->t.ops = live ? &live_ops : &file_ops;
}

void fake_target_add_ram(struct fake_target *ft, uint64_t start, uint64_t end)
{
	struct target *t = &ft->t;

	if (t->nr_ram && t->ram[t->nr_ram - 1].end == start) {
		t->ram[t->nr_ram - 1].end = end;
		return;
	}
	t->ram = must(realloc(t->ram, (t->nr_ram + 1) * sizeof(*t->ram)));
	t->ram[t->nr_ram++] = (struct ram_range){ start, end };
}

void fake_target_write(struct fake_target *ft, uint64_t gpa, const void *data, size_t len)
{
	for (size_t done = 0, n; done < len; done += n) {
		uint64_t offset = (gpa + done) % PAGE_SIZE;

		n = MIN(len - done, PAGE_SIZE - offset);
		memcpy(find_or_make(ft, (gpa + done) / PAGE_SIZE)->data + offset,
		       (const uint8_t *)data + done, n);
	}
}

static void put_le(struct fake_target *ft, uint64_t gpa, uint64_t v, size_t len)
{
	uint8_t b[8];

	for (size_t i = 0; i < len; i++)
		b[i] = (uint8_t)(v >> 8 * i);
	fake_target_write(ft, gpa, b, len);
}

void fake_target_put8(struct fake_target *ft, uint64_t gpa, uint8_t v)
{
	put_le(ft, gpa, v, 1);
}

void fake_target_put16(struct fake_target *ft, uint64_t gpa, uint16_t v)
{
	put_le(ft, gpa, v, 2);
}

void fake_target_put32(struct fake_target *ft, uint64_t gpa, uint32_t v)
{
	put_le(ft, gpa, v, 4);
}

void fake_target_put64(struct fake_target *ft, uint64_t gpa, uint64_t v)
{
	put_le(ft, gpa, v, 8);
}

void fake_target_refuse(struct fake_target *ft, uint64_t gpa)
{
	find_or_make(ft, gpa / PAGE_SIZE)->refused = true;
}

void fake_target_set_reg(struct fake_target *ft, size_t vcpu, const char *name, uint64_t value)
{
	struct vcpu *v = &ft->t.vcpus[vcpu];

	for (size_t i = 0; i < v->nr_regs; i++) {
		if (!strcmp(v->regs[i].name, name)) {
			v->regs[i].value = value;
			return;
		}
	}
	v->regs = must(realloc(v->regs, (v->nr_regs + 1) * sizeof(*v->regs)));
	struct reg *r = &v->regs[v->nr_regs++];
	*r = (struct reg){ .value = value };
	strncpy(r->name, name, sizeof(r->name) - 1);
}

void fake_target_no_regs(struct fake_target *ft, size_t vcpu, const char *why)
{
	struct vcpu *v = &ft->t.vcpus[vcpu];

	free(v->regs);
	free(v->why);
	v->regs = NULL;
	v->nr_regs = 0;
	v->why = must(strdup(why));
}
