/* The decoder in C: the stream and the census. It does the same as pure.py, which explains it. A test compares the two on
 * any input. The look at personal attributes is in personal.c.
 *
 * It allocates nothing per record: identifiers are read where they arrived, and UIDs become 64-bit keyed hashes
 * (SipHash-2-4) in an open-addressing set, and insertions wait in a small queue while memory is prefetched. */

#include "core.h"
#include "programs.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#define MAX_PDU (128 * 1024)
#define MAX_CONTROL (64 * 1024)
#define MAX_COMMAND (16 * 1024)
#define MAX_RECORD (1024 * 1024)
#define MOST_DRAWN 1000
#define MAX_COUNT 1000000
#define QUEUE 64

enum { CLOSED, READ, DROP };
enum { TAG_SERIES = 0x00201206, TAG_IMAGES = 0x00201208, TAG_AVAILABILITY = 0x00080056 };
enum { FIND_RESPONSE = 0x8020, NO_DATA_SET = 0x0101 };

/* ---- keyed hash: SipHash-2-4 (Aumasson, Bernstein 2012) */

#define ROTL(x, b) (((x) << (b)) | ((x) >> (64 - (b))))
#define ROUND                                                                                                \
    v0 += v1; v1 = ROTL(v1, 13); v1 ^= v0; v0 = ROTL(v0, 32); v2 += v3; v3 = ROTL(v3, 16); v3 ^= v2;         \
    v0 += v3; v3 = ROTL(v3, 21); v3 ^= v0; v2 += v1; v1 = ROTL(v1, 17); v1 ^= v2; v2 = ROTL(v2, 32);

uint64_t keyed_hash(const uint64_t key[2], const uint8_t *data, size_t size)
{
    uint64_t v0 = key[0] ^ 0x736f6d6570736575ULL, v1 = key[1] ^ 0x646f72616e646f6dULL;
    uint64_t v2 = key[0] ^ 0x6c7967656e657261ULL, v3 = key[1] ^ 0x7465646279746573ULL;
    uint64_t last = (uint64_t)size << 56;
    size_t whole = size & ~(size_t)7;
    for (size_t i = 0; i < whole; i += 8) {
        uint64_t m = le64(data + i);
        v3 ^= m; ROUND ROUND v0 ^= m;
    }
    for (size_t i = whole; i < size; i++) last |= (uint64_t)data[i] << (8 * (i - whole));
    v3 ^= last; ROUND ROUND v0 ^= last;
    v2 ^= 0xff; ROUND ROUND ROUND ROUND
    uint64_t made = v0 ^ v1 ^ v2 ^ v3;
    return made ? made : 1; /* the value 0 marks an empty slot */
}

/* ---- a set of hashes: 8 bytes a slot, at most 5/8 full */

static int set_has(const Set *set, uint64_t one) { return !set->level || !(one >> (64 - set->level)); }

/* Moves the hashes that the set's level has into a table of this size. Returns -1 without memory. */
static int set_move(Set *set, size_t size)
{
    uint64_t *slots = PyMem_RawCalloc(size, sizeof *slots);
    if (!slots) return -1;
    size_t count = 0;
    for (size_t i = 0; i < set->size; i++) {
        uint64_t one = set->slots[i];
        if (!one || !set_has(set, one)) continue;
        size_t at = one & (size - 1);
        while (slots[at]) at = (at + 1) & (size - 1);
        slots[at] = one;
        count++;
    }
    PyMem_RawFree(set->slots);
    set->slots = slots;
    set->size = size;
    set->count = count;
    return 0;
}

static int memory_call(PyObject *memory, const char *name, size_t bytes) /* returns a Room, or -2 with an exception */
{
    if (memory == Py_None) return 1;
    PyObject *answer = PyObject_CallMethod(memory, name, "n", (Py_ssize_t)bytes);
    if (!answer) return -2;
    long room = answer == Py_None ? 1 : PyLong_AsLong(answer);
    Py_DECREF(answer);
    return room == -1 && PyErr_Occurred() ? -2 : (int)room;
}

static int set_ready(Set *set, PyObject *memory) /* as distinct_ready */
{
    if (set->count * 8 < set->size * 5) return 1;
    size_t size = set->size ? set->size * 2 : 64;
    int room = memory_call(memory, "take", size * sizeof *set->slots);
    if (room < -1) return -1;
    if (!room) return 0;
    if (room > 0) {
        size_t before = set->size * sizeof *set->slots;
        if (set_move(set, size) < 0) {
            memory_call(memory, "give", size * sizeof *set->slots);
            PyErr_NoMemory();
            return -1;
        }
        return before && memory_call(memory, "give", before) < -1 ? -1 : 1;
    }
    while (set->count * 8 >= set->size * 5 && set->level < 40) { /* a sample of half as many: there is a table */
        set->level++;
        size_t at = 0;
        for (size_t i = 0; i < set->size; i++) at += set->slots[i] && set_has(set, set->slots[i]);
        if (at == set->count) continue;
        if (set_move(set, set->size) < 0) {
            PyErr_NoMemory();
            return -1;
        }
    }
    return set->count * 8 < set->size * 5;
}

static int set_add(Set *set, uint64_t one) /* returns 1 for a new hash, else 0. The set is ready. */
{
    if (!set_has(set, one)) return 0;
    size_t at = one & (set->size - 1);
    while (set->slots[at]) {
        if (set->slots[at] == one) return 0;
        at = (at + 1) & (set->size - 1);
    }
    set->slots[at] = one;
    set->count++;
    uint64_t stands_for = (uint64_t)1 << set->level;
    set->added++;
    set->weight += stands_for;
    set->spread += (double)stands_for * (double)(stands_for - 1);
    return 1;
}

static void set_clear(Set *set, PyObject *memory)
{
    size_t bytes = set->size * sizeof *set->slots;
    PyMem_RawFree(set->slots);
    *set = (Set){NULL, 0, 0, 0, 0, 0, 0};
    if (!bytes) return;
    PyObject *kind, *raised, *trace;
    PyErr_Fetch(&kind, &raised, &trace);
    if (memory_call(memory, "give", bytes) < -1) PyErr_Clear();
    PyErr_Restore(kind, raised, trace);
}

/* ---- DistinctSet */

int distinct_ready(DistinctSet *d)
{
    if (d->full) return 0;
    int ready = set_ready(&d->seen, d->memory);
    if (ready > 0 && d->marked) ready = set_ready(&d->here, d->memory);
    if (!ready) d->full = 1;
    if (d->seen.level || d->here.level) d->sampled = 1;
    return ready;
}

int distinct_add(DistinctSet *d, uint64_t one)
{
    int ready = distinct_ready(d);
    if (ready <= 0) return ready;
    if (d->marked) set_add(&d->here, one);
    return set_add(&d->seen, one);
}

static PyObject *DistinctSet_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"key", NULL};
    PyObject *key;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O:DistinctSet", names, &key)) return NULL;
    PyObject *secret = PyObject_Bytes(key);
    if (!secret) return NULL;
    DistinctSet *d = NULL;
    const uint8_t *bytes = (const uint8_t *)PyBytes_AS_STRING(secret);
    if (PyBytes_GET_SIZE(secret) != 16) {
        PyErr_SetString(PyExc_ValueError, "a key has 16 bytes");
    } else if ((d = (DistinctSet *)type->tp_alloc(type, 0))) {
        d->key[0] = le64(bytes);
        d->key[1] = le64(bytes + 8);
        d->memory = PyObject_GetAttrString(key, "memory");
        if (!d->memory) Py_CLEAR(d);
    }
    Py_DECREF(secret);
    return (PyObject *)d;
}

static void DistinctSet_dealloc(DistinctSet *d)
{
    if (d->memory) {
        set_clear(&d->seen, d->memory);
        set_clear(&d->here, d->memory);
        Py_DECREF(d->memory);
    }
    Py_TYPE(d)->tp_free((PyObject *)d);
}

static PyObject *DistinctSet_add(DistinctSet *d, PyObject *value)
{
    Py_buffer data;
    if (PyObject_GetBuffer(value, &data, PyBUF_SIMPLE) < 0) return NULL;
    int added = distinct_add(d, keyed_hash(d->key, data.buf, (size_t)data.len));
    PyBuffer_Release(&data);
    return added < 0 ? NULL : PyBool_FromLong(added);
}

static PyObject *DistinctSet_mark(DistinctSet *d, PyObject *unused)
{
    (void)unused;
    set_clear(&d->here, d->memory);
    d->marked = 1;
    d->full = 0;
    Py_RETURN_NONE;
}

static PyObject *DistinctSet_go_on(DistinctSet *d, PyObject *unused)
{
    (void)unused;
    d->full = 0;
    Py_RETURN_NONE;
}

static PyObject *DistinctSet_ready(DistinctSet *d, PyObject *unused)
{
    (void)unused;
    int ready = distinct_ready(d);
    return ready < 0 ? NULL : PyBool_FromLong(ready);
}

static PyObject *DistinctSet_include(DistinctSet *d, PyObject *other)
{
    if (!PyObject_TypeCheck(other, &DistinctSetType)) {
        PyErr_SetString(PyExc_TypeError, "only a DistinctSet can be included");
        return NULL;
    }
    const DistinctSet *from = (DistinctSet *)other;
    if (memcmp(from->key, d->key, sizeof d->key)) {
        PyErr_SetString(PyExc_ValueError, "sets of two keys do not compare");
        return NULL;
    }
    if (d == from) Py_RETURN_NONE;
    if (from->full) d->full = 1;
    if (from->sampled) d->sampled = 1;
    if (d->seen.level < from->seen.level) d->seen.level = from->seen.level; /* what is below it goes when the table moves */
    for (size_t i = 0; i < from->seen.size; i++) {
        if (!from->seen.slots[i]) continue;
        int ready = set_ready(&d->seen, d->memory);
        if (ready < 0) return NULL;
        if (!ready) d->full = 1;
        if (!ready) break;
        set_add(&d->seen, from->seen.slots[i]);
    }
    Py_RETURN_NONE;
}

static void sift_down(uint64_t *heap, size_t size, size_t at)
{
    for (size_t child; (child = 2 * at + 1) < size; at = child) {
        if (child + 1 < size && heap[child + 1] > heap[child]) child++;
        if (heap[at] >= heap[child]) return;
        uint64_t other = heap[at]; heap[at] = heap[child]; heap[child] = other;
    }
}

static PyObject *DistinctSet_smallest(DistinctSet *d, PyObject *argument)
{
    size_t k = PyLong_AsSize_t(argument), held = 0;
    if (PyErr_Occurred()) return NULL;
    if (k > d->seen.count) k = d->seen.count;
    if (!k) return PyList_New(0);
    uint64_t *heap = PyMem_RawMalloc(k * sizeof *heap); /* the largest hash is on top, and is replaced first */
    if (!heap) return PyErr_NoMemory();
    for (size_t i = 0; i < d->seen.size; i++) {
        uint64_t one = d->seen.slots[i];
        if (!one) continue;
        if (held < k) {
            heap[held++] = one;
            if (held == k) for (size_t j = k / 2; j-- > 0;) sift_down(heap, k, j);
        } else if (one < heap[0]) {
            heap[0] = one;
            sift_down(heap, k, 0);
        }
    }
    PyObject *list = PyList_New((Py_ssize_t)k);
    for (size_t size = k; list && size > 0;) {
        PyObject *one = PyLong_FromUnsignedLongLong(heap[0]);
        if (!one) { Py_CLEAR(list); break; }
        PyList_SET_ITEM(list, (Py_ssize_t)--size, one);
        heap[0] = heap[size];
        sift_down(heap, size, 0);
    }
    PyMem_RawFree(heap);
    return list;
}

static Py_ssize_t DistinctSet_length(DistinctSet *d) { return (Py_ssize_t)d->seen.weight; }
static PyObject *DistinctSet_here(DistinctSet *d, void *unused) { (void)unused; return PyLong_FromUnsignedLongLong(d->here.added); }
static PyObject *DistinctSet_full(DistinctSet *d, void *unused) { (void)unused; return PyBool_FromLong(d->full); }
static PyObject *DistinctSet_sampled(DistinctSet *d, void *unused) { (void)unused; return PyBool_FromLong(d->sampled); }
static PyObject *DistinctSet_sure(DistinctSet *d, void *unused) { (void)unused; return PyLong_FromUnsignedLongLong(d->seen.added); }
static PyObject *DistinctSet_spread(DistinctSet *d, void *unused) { (void)unused; return PyFloat_FromDouble(d->seen.spread); }
static PyObject *DistinctSet_repr(DistinctSet *d) { (void)d; return PyUnicode_FromString("<DistinctSet>"); }

static PyMethodDef DistinctSet_methods[] = {
    {"add", (PyCFunction)DistinctSet_add, METH_O, "Whether the value is a new one."},
    {"mark", (PyCFunction)DistinctSet_mark, METH_NOARGS, "Begin a window, of which `here` is the number of distinct values."},
    {"go_on", (PyCFunction)DistinctSet_go_on, METH_NOARGS, "There may be room again."},
    {"ready", (PyCFunction)DistinctSet_ready, METH_NOARGS, "Whether one more value can be added."},
    {"include", (PyCFunction)DistinctSet_include, METH_O, "Add what another set has seen."},
    {"smallest", (PyCFunction)DistinctSet_smallest, METH_O, "The smallest hashes, ascending: a sketch."},
    {NULL},
};
static PyGetSetDef DistinctSet_getset[] = {
    {"here", (getter)DistinctSet_here, NULL, NULL, NULL}, {"full", (getter)DistinctSet_full, NULL, NULL, NULL},
    {"sampled", (getter)DistinctSet_sampled, NULL, NULL, NULL}, {"spread", (getter)DistinctSet_spread, NULL, NULL, NULL},
    {"sure", (getter)DistinctSet_sure, NULL, NULL, NULL}, {NULL},
};
static PySequenceMethods DistinctSet_sequence = {.sq_length = (lenfunc)DistinctSet_length};
PyTypeObject DistinctSetType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "filmbadge.ask.decoder.compiled.DistinctSet",
    .tp_doc = "Counts how many values are distinct. See pure.DistinctSet.",
    .tp_basicsize = sizeof(DistinctSet),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = DistinctSet_new,
    .tp_dealloc = (destructor)DistinctSet_dealloc,
    .tp_repr = (reprfunc)DistinctSet_repr,
    .tp_as_sequence = &DistinctSet_sequence,
    .tp_methods = DistinctSet_methods,
    .tp_getset = DistinctSet_getset,
};

/* ---- Tally. Its queue is empty whenever Python runs, because each call settles the queue before it returns. */

/* What a study says of its instances: that they are at hand, that they are not, or nothing. */
enum { SILENT, ONLINE, ELSEWHERE };

typedef struct { uint64_t uid; int32_t series, images, said; } Waiting;

typedef struct {
    PyObject_HEAD
    uint32_t uid_tag;
    Py_ssize_t keep;
    uint64_t rows, malformed, series, images, series_known, images_known;
    uint64_t said[3], images_said[3]; /* studies and images, by what is said of them */
    double images_weight, images_spread;
    DistinctSet *uids;
    PyObject *kept, *kept_online;
    /* Studies drawn by lot; see pure.Tally. `next` is the sum of images at which a place of the lot is taken by another study. */
    Py_ssize_t lot;
    uint64_t random;
    double sum, soonest, *next;
    PyObject *drawn;
    Waiting queue[QUEUE];
    int queued;
} Tally;

static PyTypeObject TallyType;

static int tally_settle(Tally *t)
{
    for (int i = 0; i < t->queued; i++) {
        Waiting *w = &t->queue[i];
        int added = distinct_add(t->uids, w->uid);
        if (added < 0) {
            t->queued = 0;
            return -1;
        }
        if (!added) continue;
        if (w->series >= 0) { t->series += (uint64_t)w->series; t->series_known++; }
        if (w->said) {
            t->said[w->said]++;
            t->images_said[w->said] += w->images >= 0 ? (uint64_t)w->images : 0;
        }
        if (w->images >= 0) {
            double images = (double)w->images, stands_for = (double)((uint64_t)1 << t->uids->seen.level);
            t->images += (uint64_t)w->images;
            t->images_known++;
            t->images_weight += images * stands_for;
            t->images_spread += images * images * stands_for * (stands_for - 1);
        }
    }
    t->queued = 0;
    return 0;
}

static int32_t number(Slice s)
{
    s = strip_padding(s);
    if (s.size && s.at[0] == '+') { s.at++; s.size--; }
    if (!s.size || s.size > 10) return -1;
    int64_t made = 0;
    for (size_t i = 0; i < s.size; i++) {
        if (s.at[i] < '0' || s.at[i] > '9') return -1;
        made = made * 10 + (s.at[i] - '0');
    }
    return made > 0 && made <= MAX_COUNT ? (int32_t)made : -1;
}

static inline int is_text(Slice s, const char *text, size_t size) { return s.size == size && !memcmp(s.at, text, size); }

static int availability(Slice s)
{
    s = strip_padding(s);
    if (is_text(s, "ONLINE", 6)) return ONLINE;
    return is_text(s, "NEARLINE", 8) || is_text(s, "OFFLINE", 7) || is_text(s, "UNAVAILABLE", 11) ? ELSEWHERE : SILENT;
}

typedef struct { Slice uid, series, images, availability; uint32_t uid_tag; } Found;

static inline void tally_take(void *held, uint32_t tag, Slice value, int undefined)
{
    Found *found = held;
    if (undefined) return;
    if (tag == found->uid_tag) found->uid = value;
    if (tag == TAG_AVAILABILITY) found->availability = value;
    else if (tag == TAG_SERIES) found->series = value;
    else if (tag == TAG_IMAGES) found->images = value;
}

/* A number above 0, up to 1: SplitMix64, G. Steele 2014. */
static double tally_random(Tally *t)
{
    uint64_t z = t->random += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (double)((z ^ z >> 31) >> 11) / 9007199254740992.0 + 1.0 / 9007199254740992.0;
}

/* One study more to draw from; `held` is its UID. */
static int tally_draw(Tally *t, int32_t images, PyObject *held)
{
    t->sum += images > 0 ? images : 1;
    if (t->sum <= t->soonest) return 0;
    t->soonest = INFINITY;
    for (Py_ssize_t i = 0; i < t->lot; i++) {
        if (t->sum > t->next[i]) {
            if (PyList_SetItem(t->drawn, i, Py_NewRef(held)) < 0) return -1;
            t->next[i] = t->sum / tally_random(t);
        }
        if (t->next[i] < t->soonest) t->soonest = t->next[i];
    }
    return 0;
}

static int tally_count(Tally *t, Found found)
{
    PyObject *const said_of[] = {Py_None, Py_True, Py_False};
    Slice uid = strip_padding(found.uid);
    t->rows++;
    if (!names_something(uid)) {
        t->malformed++;
        return 0;
    }
    Waiting w = {keyed_hash(t->uids->key, uid.at, uid.size), number(found.series), number(found.images),
                 found.availability.size ? availability(found.availability) : SILENT};
    set_prefetch(&t->uids->seen, w.uid);
    t->queue[t->queued++] = w;
    if (!t->keep && !t->lot) return t->queued == QUEUE ? tally_settle(t) : 0;

    uint64_t before = t->uids->seen.added; /* kept UIDs are added one by one: a queue holds no UID, only its hash */
    if (tally_settle(t) < 0) return -1;
    if (t->uids->seen.added == before) return 0;
    int keeps = PyList_GET_SIZE(t->kept) < t->keep, draws = t->lot && t->sum + (w.images > 0 ? w.images : 1) > t->soonest;
    if (!keeps && !draws) {
        t->sum += w.images > 0 ? w.images : 1;
        return 0;
    }
    for (size_t i = 0; i < uid.size && uid.size; i++)
        if (uid.at[i] != '.' && (uid.at[i] < '0' || uid.at[i] > '9')) uid.size = 0;
    PyObject *held = PyBytes_FromStringAndSize((const char *)uid.at, (Py_ssize_t)uid.size);
    if (!held) return -1;
    int failed = (keeps && uid.size && (PyList_Append(t->kept, held) < 0 || PyList_Append(t->kept_online, said_of[w.said]) < 0)) ||
                 tally_draw(t, w.images, held) < 0;
    Py_DECREF(held);
    return failed ? -1 : 0;
}

static int tally_add(Tally *t, const uint8_t *data, size_t size, int explicit)
{
    Found found = {.uid_tag = t->uid_tag}, none = {{0}};
    return tally_count(t, walk(data, size, explicit, tally_take, &found) < 0 ? none : found);
}

static PyObject *Tally_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"key", "uid", "keep", "lot", "seed", NULL};
    PyObject *key;
    unsigned int uid = TAG_STUDY;
    Py_ssize_t keep = 0, lot = 0;
    unsigned long long seed = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|I$nnK:Tally", names, &key, &uid, &keep, &lot, &seed)) return NULL;
    if (lot < 0 || lot > MOST_DRAWN) return PyErr_Format(PyExc_ValueError, "a lot has 0 to %d places", MOST_DRAWN);
    Tally *t = (Tally *)type->tp_alloc(type, 0);
    if (!t) return NULL;
    t->uid_tag = uid;
    t->keep = keep;
    t->uids = (DistinctSet *)PyObject_CallOneArg((PyObject *)&DistinctSetType, key);
    t->kept = PyList_New(0);
    t->kept_online = PyList_New(0);
    t->lot = lot;
    t->random = seed;
    t->drawn = PyList_New(0);
    t->next = PyMem_Calloc((size_t)lot + 1, sizeof(double));
    for (Py_ssize_t i = 0; i < lot && t->drawn; i++)
        if (PyList_Append(t->drawn, Py_None) < 0) Py_CLEAR(t->drawn);
    if (!t->uids || !t->kept || !t->kept_online || !t->drawn || !t->next) Py_CLEAR(t);
    return (PyObject *)t;
}

static void Tally_dealloc(Tally *t)
{
    Py_XDECREF(t->uids);
    Py_XDECREF(t->kept);
    Py_XDECREF(t->kept_online);
    Py_XDECREF(t->drawn);
    PyMem_Free(t->next);
    Py_TYPE(t)->tp_free((PyObject *)t);
}

static PyObject *Tally_add(Tally *t, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"identifier", "explicit", NULL};
    Py_buffer data;
    int explicit;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "y*p:add", names, &data, &explicit)) return NULL;
    int failed = tally_add(t, data.buf, (size_t)data.len, explicit);
    PyBuffer_Release(&data);
    if (failed || tally_settle(t) < 0) return NULL;
    Py_RETURN_NONE;
}

static PyObject *Tally_count(Tally *t, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"uid", "series", "images", "availability", NULL};
    Slice uid = {NULL, 0}, series = {NULL, 0}, images = {NULL, 0}, said = {NULL, 0};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "y#|y#y#y#:count", names, &uid.at, &uid.size, &series.at, &series.size,
                                     &images.at, &images.size, &said.at, &said.size))
        return NULL;
    if (tally_count(t, (Found){uid, series, images, said, 0}) < 0 || tally_settle(t) < 0) return NULL;
    Py_RETURN_NONE;
}

enum { ROWS, MALFORMED, SERIES, IMAGES, SERIES_KNOWN, IMAGES_KNOWN, STUDIES_ONLINE, STUDIES_ELSEWHERE, IMAGES_ONLINE, IMAGES_ELSEWHERE, DISTINCT };

static PyObject *Tally_get(Tally *t, void *which)
{
    switch ((intptr_t)which) {
    case ROWS: return PyLong_FromUnsignedLongLong(t->rows);
    case MALFORMED: return PyLong_FromUnsignedLongLong(t->malformed);
    case SERIES: return PyLong_FromUnsignedLongLong(t->series);
    case IMAGES: return PyLong_FromUnsignedLongLong(t->images);
    case SERIES_KNOWN: return PyLong_FromUnsignedLongLong(t->series_known);
    case IMAGES_KNOWN: return PyLong_FromUnsignedLongLong(t->images_known);
    case STUDIES_ONLINE: return PyLong_FromUnsignedLongLong(t->said[ONLINE]);
    case STUDIES_ELSEWHERE: return PyLong_FromUnsignedLongLong(t->said[ELSEWHERE]);
    case IMAGES_ONLINE: return PyLong_FromUnsignedLongLong(t->images_said[ONLINE]);
    case IMAGES_ELSEWHERE: return PyLong_FromUnsignedLongLong(t->images_said[ELSEWHERE]);
    default: return PyLong_FromUnsignedLongLong(t->uids->seen.added);
    }
}

static PyObject *Tally_kept(Tally *t, void *unused) { (void)unused; return Py_NewRef(t->kept); }
static PyObject *Tally_kept_online(Tally *t, void *unused) { (void)unused; return Py_NewRef(t->kept_online); }
static PyObject *Tally_drawn(Tally *t, void *unused)
{
    (void)unused;
    return t->sum > 0 ? PyList_GetSlice(t->drawn, 0, t->lot) : PyList_New(0);
}
static PyObject *Tally_weight(Tally *t, void *unused) { (void)unused; return PyFloat_FromDouble(t->images_weight); }
static PyObject *Tally_spread(Tally *t, void *unused) { (void)unused; return PyFloat_FromDouble(t->images_spread); }
static PyObject *Tally_uids(Tally *t, void *unused) { (void)unused; return Py_NewRef(t->uids); }

#define COUNTER(name, which) {name, (getter)Tally_get, NULL, NULL, (void *)which}
static PyGetSetDef Tally_getset[] = {
    COUNTER("rows", ROWS), COUNTER("malformed", MALFORMED), COUNTER("series", SERIES), COUNTER("images", IMAGES),
    COUNTER("series_known", SERIES_KNOWN), COUNTER("images_known", IMAGES_KNOWN), COUNTER("distinct", DISTINCT),
    COUNTER("studies_online", STUDIES_ONLINE), COUNTER("studies_elsewhere", STUDIES_ELSEWHERE),
    COUNTER("images_online", IMAGES_ONLINE), COUNTER("images_elsewhere", IMAGES_ELSEWHERE),
    {"images_weight", (getter)Tally_weight, NULL, NULL, NULL}, {"images_spread", (getter)Tally_spread, NULL, NULL, NULL},
    {"uids", (getter)Tally_uids, NULL, NULL, NULL}, {"kept", (getter)Tally_kept, NULL, NULL, NULL},
    {"kept_online", (getter)Tally_kept_online, NULL, NULL, NULL},
    {"drawn", (getter)Tally_drawn, NULL, NULL, NULL}, {NULL},
};
/* Counts one record of JSON by its elements: the UID, the numbers of series and images, and the availability, if given. */
static PyObject *Tally_json(Tally *t, PyObject *const *given, Py_ssize_t size)
{
    Element found[4] = {0};
    int held = 0, failed = 0, judged = 1;
    if (size != 3 && size != 4) {
        PyErr_SetString(PyExc_TypeError, "json takes a UID, series, images and the availability");
        return NULL;
    }
    for (; held < size; held++) {
        if ((failed = element_of(given[held], &found[held])) < 0) break;
        if (found[held].made & ~(held ? ELEMENT_STRING | ELEMENT_NUMBER : ELEMENT_STRING)) judged = 0; /* -1 has all bits */
        if (held && found[held].text.size > 16) judged = 0;
    }
    uint64_t before = t->uids->here.added;
    if (!failed && judged)
        failed = tally_count(t, (Found){found[0].text, found[1].text, found[2].text, found[3].text, 0}) < 0 || tally_settle(t) < 0;
    while (held) PyBuffer_Release(&found[--held].buffer);
    if (failed) return NULL;
    if (!judged) Py_RETURN_NONE;
    return PyBool_FromLong(t->uids->here.added > before);
}

static PyMethodDef Tally_methods[] = {
    {"add", (PyCFunction)(void (*)(void))Tally_add, METH_VARARGS | METH_KEYWORDS, "Count one record and forget it."},
    {"count", (PyCFunction)(void (*)(void))Tally_count, METH_VARARGS | METH_KEYWORDS, "Count one record by its UID."},
    {"json", (PyCFunction)(void (*)(void))Tally_json, METH_FASTCALL, "Count one record of JSON by its elements."},
    {NULL},
};
static PyTypeObject TallyType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "filmbadge.ask.decoder.compiled.Tally",
    .tp_doc = "Distinct UIDs of one level, and the counts that came with them. See pure.Tally.",
    .tp_basicsize = sizeof(Tally),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = Tally_new,
    .tp_dealloc = (destructor)Tally_dealloc,
    .tp_call = (ternaryfunc)(void (*)(void))Tally_add,
    .tp_methods = Tally_methods,
    .tp_getset = Tally_getset,
};

/* ---- Reader */

typedef struct { uint8_t *bytes; size_t size, room; } Fragments;

/* Frees the fragments of a message that is not whole. Those of whole messages are zeros already. */
static void wipe(Fragments *held)
{
    if (held->size) memset(held->bytes, 0, held->size);
    PyMem_RawFree(held->bytes);
}

typedef struct {
    PyObject_HEAD
    int mode, active, awaiting, holding, explicit;
    uint16_t message_id, answer; /* `answer` is the field of the response that ends the request */
    uint64_t matches, stop_after, dropped;
    size_t in_pdu, at;
    int piecewise, in_value; /* a long unit is read piece by piece; whether the header of its current value was read */
    size_t value_left;
    uint8_t value_context, value_control;
    uint8_t proposed[256];
    Fragments fragments[2];
    PyObject *record, *event;
} Reader;

static void set_event(Reader *r, const char *name, int number, const void *bytes, size_t size)
{
    Py_XSETREF(r->event, Py_BuildValue("siy#", name, number, (const char *)bytes, (Py_ssize_t)size));
}

/* Sets an error event: a code of `model.Cause`, and the numbers that this code names. */
static void fail(Reader *r, const char *cause, int count, ...)
{
    PyObject *numbers = PyTuple_New(count);
    va_list arguments;
    va_start(arguments, count);
    for (int i = 0; numbers && i < count; i++) {
        PyObject *number = PyLong_FromSize_t(va_arg(arguments, size_t));
        if (number) PyTuple_SET_ITEM(numbers, i, number);
        else Py_CLEAR(numbers);
    }
    va_end(arguments);
    Py_XSETREF(r->event, numbers ? Py_BuildValue("ssN", "error", cause, numbers) : NULL);
}

enum { OTHER, PENDING, FINAL };

/* What a command set is to the request under way: a pending C-FIND-RSP with an identifier, PS3.7 9.3.2.2, a final response
 * without a data set, or anything else, which is handed up as it is. Sets the status of the first two. */
static int response(const Reader *r, const uint8_t *p, size_t size, int *said)
{
    int field = -1, status = -1, responded = -1, kind = -1, foreign = 0;
    size_t at = 0;
    while (at < size) {
        if (size - at < 8) return OTHER;
        uint16_t group = le16(p + at), element = le16(p + at + 2);
        uint32_t length = le32(p + at + 4);
        at += 8;
        if (group == 0xFFFE || length > size - at) return OTHER;
        if (group) foreign = 1;
        else if (element == 0x0100 || element == 0x0120 || element == 0x0800 || element == 0x0900) {
            if (length != 2) return OTHER;
            int value = le16(p + at);
            if (element == 0x0100) field = value;
            else if (element == 0x0120) responded = value;
            else if (element == 0x0800) kind = value;
            else status = value;
        }
        at += length;
    }
    if (responded != r->message_id || status == -1) return OTHER;
    int alone = kind == -1 || kind == NO_DATA_SET;
    *said = status;
    if (status == 0xFF00 || status == 0xFF01) return field == FIND_RESPONSE && !alone ? PENDING : OTHER;
    return field == r->answer && alone && !foreign ? FINAL : OTHER;
}

static int read_command(Reader *r, int context, const uint8_t *whole, size_t size)
{
    if (r->awaiting) {
        fail(r, "command-too-early", 0);
        return 0;
    }
    int status, what = r->active ? response(r, whole, size, &status) : OTHER;
    if (what == OTHER) {
        set_event(r, "command", context, whole, size);
        return 0;
    }
    if (what == FINAL) {
        set_event(r, "answer", status, "", 0);
        return 0;
    }
    r->awaiting = 1;
    r->matches++; /* this match counts even if its identifier breaks a bound */
    return 0;
}

static int read_match(Reader *r, const uint8_t *whole, size_t size)
{
    r->awaiting = 0;
    if (!r->record || (r->stop_after && r->matches > r->stop_after)) return 0;
    PyObject *record = Py_NewRef(r->record); /* what it calls may end the query */
    int failed = 0;
    if (Py_IS_TYPE(record, &TallyType)) {
        failed = tally_add((Tally *)record, whole, size, r->explicit);
    } else if (Py_IS_TYPE(record, &PersonalTallyType)) {
        failed = personal_add(record, whole, size, r->explicit);
    } else {
        PyObject *made = PyObject_CallFunction(record, "y#O", (const char *)whole, (Py_ssize_t)size,
                                               r->explicit ? Py_True : Py_False);
        failed = made ? 0 : -1;
        Py_XDECREF(made);
    }
    Py_DECREF(record);
    return failed;
}

/* Counts what waits. It must do so before Python runs again. */
static int settle(PyObject *record)
{
    if (record && Py_IS_TYPE(record, &TallyType)) return tally_settle((Tally *)record);
    if (record && Py_IS_TYPE(record, &PersonalTallyType)) return personal_settle(record);
    return 0;
}

static int read_message(Reader *r, int context, int is_command, const uint8_t *whole, size_t size)
{
    if (is_command) return read_command(r, context, whole, size);
    if (r->awaiting) return read_match(r, whole, size);
    r->holding = 0;
    set_event(r, "data", context, whole, size);
    return 0;
}

/* Adds a fragment. No value stays behind in memory that is given back. */
static int hold_fragment(Fragments *held, const uint8_t *piece, size_t size)
{
    if (held->size + size > held->room) {
        size_t room = (held->size + size) * 2;
        uint8_t *bytes = PyMem_RawMalloc(room);
        if (!bytes) { PyErr_NoMemory(); return -1; }
        if (held->size) memcpy(bytes, held->bytes, held->size);
        wipe(held);
        held->bytes = bytes;
        held->room = room;
    }
    if (size) memcpy(held->bytes + held->size, piece, size);
    held->size += size;
    return 0;
}

static int read_value(Reader *r, int context, int control, const uint8_t *piece, size_t size)
{
    if (!r->proposed[context]) {
        fail(r, "unproposed-context", 1, (size_t)context);
        return 0;
    }
    int is_command = control & 1;
    if (!is_command && !r->awaiting && !r->holding) {
        r->dropped += size;
        if (control & 2) set_event(r, "data", context, "", 0);
        return 0;
    }
    size_t limit = is_command ? MAX_COMMAND : MAX_RECORD;
    Fragments *held = &r->fragments[is_command];
    if (held->size + size > limit) {
        fail(r, is_command ? "command-too-long" : "data-set-too-long", 1, limit);
        return 0;
    }
    if (control & 2 && !held->size) return read_message(r, context, is_command, piece, size);
    if (hold_fragment(held, piece, size) < 0) return -1;
    if (!(control & 2)) return 0;
    size = held->size;
    held->size = 0; /* the bytes stay in place until the message is read */
    int failed = read_message(r, context, is_command, held->bytes, size);
    memset(held->bytes, 0, size);
    return failed;
}

static int read_unit(Reader *r, const uint8_t *p, size_t *at)
{
    while (r->in_pdu && r->event == Py_None) {
        if (r->in_pdu < 6) {
            fail(r, "value-cut-off", 1, r->at);
            return 0;
        }
        const uint8_t *value = p + *at;
        size_t length = be32(value);
        if (length < 2 || length + 4 > r->in_pdu) {
            fail(r, "value-length", 2, r->at, length);
            return 0;
        }
        r->in_pdu -= 4 + length;
        r->at += 4 + length;
        *at += 4 + length;
        if (read_value(r, value[4], value[5], value + 6, length - 2) < 0) return -1;
    }
    return 0;
}

/* Reads what is here of a long unit. A piece of a value is a fragment; the value's last piece may be the last. */
static int read_pieces(Reader *r, const uint8_t *p, size_t *at, size_t end)
{
    while (r->in_pdu && r->event == Py_None) {
        if (!r->in_value) {
            if (r->in_pdu < 6) {
                fail(r, "value-cut-off", 1, r->at);
                return 0;
            }
            if (end - *at < 6) return 0;
            const uint8_t *value = p + *at;
            size_t length = be32(value);
            if (length < 2 || length + 4 > r->in_pdu) {
                fail(r, "value-length", 2, r->at, length);
                return 0;
            }
            r->value_context = value[4];
            r->value_control = value[5];
            *at += 6;
            r->in_pdu -= 6;
            r->at += 6;
            r->value_left = length - 2;
            r->in_value = 1;
        }
        size_t size = end - *at < r->value_left ? end - *at : r->value_left;
        if (!size && r->value_left) return 0;
        r->in_pdu -= size;
        r->at += size;
        r->value_left -= size;
        r->in_value = r->value_left != 0;
        int control = r->in_value ? r->value_control & ~2 : r->value_control;
        const uint8_t *piece = p + *at;
        *at += size;
        if (read_value(r, r->value_context, control, piece, size) < 0) return -1;
    }
    return 0;
}

static PyObject *Reader_feed(Reader *r, PyObject *data)
{
    Py_buffer view;
    if (PyObject_GetBuffer(data, &view, PyBUF_SIMPLE) < 0) return NULL;
    const uint8_t *p = view.buf;
    size_t at = 0, end = (size_t)view.len;
    int failed = 0;
    Py_XSETREF(r->event, Py_NewRef(Py_None));
    while (r->event == Py_None && !failed) {
        if (r->in_pdu) {
            size_t before = at;
            if (r->mode == DROP) {
                at += end - at < r->in_pdu ? end - at : r->in_pdu;
                r->in_pdu -= at - before;
            } else if (r->piecewise) {
                failed = read_pieces(r, p, &at, end);
            } else if (end - at >= r->in_pdu) {
                failed = read_unit(r, p, &at);
                continue;
            }
            if (at == before) break;
            continue;
        }
        if (end - at < 6) break;
        int kind = p[at];
        size_t length = be32(p + at + 2), limit = kind == 4 ? MAX_PDU : MAX_CONTROL;
        if (kind < 1 || kind > 7) {
            fail(r, "unknown-pdu", 1, (size_t)kind);
            break;
        }
        int values = kind == 4 && r->mode != CLOSED;
        if (length > limit && !values) {
            fail(r, "pdu-too-long", 3, (size_t)kind, length, limit);
            break;
        }
        r->piecewise = length > limit;
        if (end - at < 6 + length && !r->piecewise) break;
        at += 6;
        if (values) {
            r->in_pdu = length;
            r->at = 0;
            r->in_value = 0;
        } else {
            set_event(r, "unit", kind, p + at, length);
            at += length;
        }
    }
    PyBuffer_Release(&view);
    if (settle(r->record) < 0 || failed || !r->event) return NULL;
    return PyLong_FromSize_t(at);
}

static PyObject *Reader_expect(Reader *r, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"message_id", "explicit", "record", "stop_after", "answer", NULL};
    unsigned int message_id, answer = FIND_RESPONSE;
    int explicit;
    PyObject *record;
    unsigned long long stop_after = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "IpO|KI:expect", names, &message_id, &explicit, &record, &stop_after,
                                     &answer))
        return NULL;
    r->matches = 0;
    r->awaiting = r->holding = 0;
    r->active = 1;
    r->message_id = (uint16_t)message_id;
    r->answer = (uint16_t)answer;
    r->explicit = explicit;
    r->stop_after = stop_after;
    Py_XSETREF(r->record, record == Py_None ? NULL : Py_NewRef(record));
    Py_RETURN_NONE;
}

static PyObject *Reader_idle(Reader *r, PyObject *unused)
{
    (void)unused;
    r->active = r->awaiting = r->holding = 0;
    r->dropped = 0;
    Py_CLEAR(r->record);
    Py_RETURN_NONE;
}

static PyObject *Reader_hold(Reader *r, PyObject *unused)
{
    (void)unused;
    r->holding = 1;
    Py_RETURN_NONE;
}

static PyObject *Reader_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"contexts", NULL};
    PyObject *contexts;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O:Reader", names, &contexts)) return NULL;
    PyObject *each = PyObject_GetIter(contexts), *one;
    if (!each) return NULL;
    Reader *r = (Reader *)type->tp_alloc(type, 0);
    while (r && (one = PyIter_Next(each))) {
        long id = PyLong_AsLong(one);
        Py_DECREF(one);
        if (id >= 0 && id < 256) r->proposed[id] = 1;
    }
    Py_DECREF(each);
    if (r && PyErr_Occurred()) Py_CLEAR(r);
    if (r) r->event = Py_NewRef(Py_None);
    return (PyObject *)r;
}

static int Reader_traverse(Reader *r, visitproc visit, void *arg)
{
    Py_VISIT(r->record);
    Py_VISIT(r->event);
    return 0;
}

static int Reader_clear(Reader *r)
{
    Py_CLEAR(r->record);
    Py_CLEAR(r->event);
    return 0;
}

static void Reader_dealloc(Reader *r)
{
    PyObject_GC_UnTrack(r);
    Reader_clear(r);
    wipe(&r->fragments[0]);
    wipe(&r->fragments[1]);
    Py_TYPE(r)->tp_free((PyObject *)r);
}

static PyObject *Reader_matches(Reader *r, void *unused) { (void)unused; return PyLong_FromUnsignedLongLong(r->matches); }
static PyObject *Reader_dropped(Reader *r, void *unused) { (void)unused; return PyLong_FromUnsignedLongLong(r->dropped); }
static PyObject *Reader_event(Reader *r, void *unused) { (void)unused; return Py_NewRef(r->event ? r->event : Py_None); }
static PyObject *Reader_mode(Reader *r, void *unused) { (void)unused; return PyLong_FromLong(r->mode); }
static int Reader_set_mode(Reader *r, PyObject *value, void *unused)
{
    (void)unused;
    long mode = value ? PyLong_AsLong(value) : -1;
    if (mode < CLOSED || mode > DROP) {
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "no such mode");
        return -1;
    }
    r->mode = (int)mode;
    return 0;
}

static PyGetSetDef Reader_getset[] = {
    {"mode", (getter)Reader_mode, (setter)Reader_set_mode, NULL, NULL},
    {"matches", (getter)Reader_matches, NULL, NULL, NULL},
    {"dropped", (getter)Reader_dropped, NULL, NULL, NULL},
    {"event", (getter)Reader_event, NULL, NULL, NULL},
    {NULL},
};
static PyMethodDef Reader_methods[] = {
    {"feed", (PyCFunction)Reader_feed, METH_O, "Returns the number of bytes taken."},
    {"expect", (PyCFunction)(void (*)(void))Reader_expect, METH_VARARGS | METH_KEYWORDS, "A query is under way."},
    {"idle", (PyCFunction)Reader_idle, METH_NOARGS, "No query is under way."},
    {"hold", (PyCFunction)Reader_hold, METH_NOARGS, "The next data set is handed up, though it is no match."},
    {NULL},
};
static PyTypeObject ReaderType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "filmbadge.ask.decoder.compiled.Reader",
    .tp_doc = "Takes a stream apart and tallies the records of the query under way. See pure.Reader.",
    .tp_basicsize = sizeof(Reader),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = Reader_new,
    .tp_dealloc = (destructor)Reader_dealloc,
    .tp_traverse = (traverseproc)Reader_traverse,
    .tp_clear = (inquiry)Reader_clear,
    .tp_methods = Reader_methods,
    .tp_getset = Reader_getset,
};

/* As uids.names. */
static int names_one(Slice uid)
{
    static const char of_the_standard[] = "1.2.840.10008.";
    size_t prefix = sizeof of_the_standard - 1;
    int digits = 0, dots = 0; /* digits since the last dot */
    if (uid.size > 64 || !names_something(uid)) return 0;
    for (size_t i = 0; i < uid.size; i++) {
        if (uid.at[i] >= '0' && uid.at[i] <= '9') digits++;
        else if (uid.at[i] != '.' || !digits) return 0;
        else dots++, digits = 0;
    }
    return dots && digits && (uid.size < prefix || memcmp(uid.at, of_the_standard, prefix));
}

static PyObject *compiled_has_uid(PyObject *module, PyObject *args)
{
    Py_buffer data;
    int explicit;
    Found found = {{0}}, none = {{0}};
    if (!PyArg_ParseTuple(args, "y*pI:has_uid", &data, &explicit, &found.uid_tag)) return NULL;
    if (walk(data.buf, (size_t)data.len, explicit, tally_take, &found) < 0) found = none;
    int named = names_one(strip_padding(found.uid));
    PyBuffer_Release(&data);
    return PyBool_FromLong(named);
}

/* For the tests, which hold each program equal to the rule of its scheme. */
static PyObject *compiled_program_valid(PyObject *module, PyObject *args)
{
    Py_buffer program, number;
    if (!PyArg_ParseTuple(args, "y*y*:program_valid", &program, &number)) return NULL;
    int valid = program_valid(program.buf, (size_t)program.len, number.buf, (size_t)number.len);
    PyBuffer_Release(&program);
    PyBuffer_Release(&number);
    return PyBool_FromLong(valid);
}

static PyMethodDef functions[] = {
    {"has_uid", compiled_has_uid, METH_VARARGS, "Whether a record has a UID that names something at this attribute."},
    {"program_valid", compiled_program_valid, METH_VARARGS, "Whether a number passes the rule that a program says."},
    {NULL},
};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "compiled", "The decoder in C.", -1, functions};

PyMODINIT_FUNC PyInit_compiled(void)
{
    if (PyType_Ready(&DistinctSetType) < 0 || PyType_Ready(&TallyType) < 0 ||
        PyType_Ready(&PersonalTallyType) < 0 || PyType_Ready(&ReaderType) < 0)
        return NULL;
    PyObject *modes = ReaderType.tp_dict, *made = PyModule_Create(&module);
    if (!made) return NULL;
    static const char *names[] = {"CLOSED", "READ", "DROP"};
    for (int i = 0; i < 3; i++) {
        PyObject *value = PyLong_FromLong(i);
        if (!value || PyDict_SetItemString(modes, names[i], value) < 0) { Py_XDECREF(value); Py_DECREF(made); return NULL; }
        Py_DECREF(value);
    }
    if (PyModule_AddObjectRef(made, "DistinctSet", (PyObject *)&DistinctSetType) < 0 ||
        PyModule_AddObjectRef(made, "Tally", (PyObject *)&TallyType) < 0 ||
        PyModule_AddObjectRef(made, "PersonalTally", (PyObject *)&PersonalTallyType) < 0 ||
        PyModule_AddObjectRef(made, "Reader", (PyObject *)&ReaderType) < 0) {
        Py_DECREF(made);
        return NULL;
    }
    return made;
}
