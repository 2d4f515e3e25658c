/* What the C files of the decoder share: numbers in bytes, sets of hashes, and the walk over the headers of a data set. */

#ifndef FILMBADGE_CORE_H
#define FILMBADGE_CORE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

#include "element.h"
#include "values.h"

#ifdef __GNUC__
#define PREFETCH(address) __builtin_prefetch((address), 1, 1)
#else
#define PREFETCH(address) ((void)0) /* Microsoft's compiler has no prefetch for all processors */
#endif

#define MAX_NESTING 32
#define UNDEFINED 0xFFFFFFFFu

enum { TAG_CHARACTER_SET = 0x00080005, TAG_STUDY_DATE = 0x00080020, TAG_PATIENT_ID = 0x00100020, TAG_ISSUER = 0x00100021, TAG_STUDY = 0x0020000D };

static inline uint16_t le16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static inline uint32_t le32(const uint8_t *p) { return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24; }
static inline uint64_t le64(const uint8_t *p) { return (uint64_t)le32(p + 4) << 32 | le32(p); }
static inline uint32_t be32(const uint8_t *p) { return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3]; }

/* ---- sets of hashes */

/* Where there is no room for a larger table, a set keeps a sample: the hashes that begin with `level` zero bits. Each of them
 * stands for 2^level. `added` is how many were new when they were added, `weight` for how many these stood, and `spread` the
 * variance of that. */
typedef struct { uint64_t *slots; size_t size, count; unsigned level; uint64_t added, weight; double spread; } Set;

typedef struct {
    PyObject_HEAD
    uint64_t key[2];
    Set seen, here;
    int marked, full, sampled; /* full: it took in less than came, since the mark */
    PyObject *memory; /* a Share, or None */
} DistinctSet;

extern PyTypeObject DistinctSetType;

uint64_t keyed_hash(const uint64_t key[2], const uint8_t *data, size_t size);
int distinct_ready(DistinctSet *d); /* whether one more hash can be added: 1, 0 if it is full, -1 with an exception */
int distinct_add(DistinctSet *d, uint64_t one); /* returns 1 for a new hash, 0 for any other, -1 with an exception */

static inline void set_prefetch(const Set *set, uint64_t one)
{
    if (set->size) PREFETCH(&set->slots[one & (set->size - 1)]);
}

/* ---- data sets */

static inline Slice strip_padding(Slice s)
{
    while (s.size && (s.at[0] == ' ' || s.at[0] == 0)) { s.at++; s.size--; }
    while (s.size && (s.at[s.size - 1] == ' ' || s.at[s.size - 1] == 0)) s.size--;
    return s;
}

/* Whether a UID without padding names something. One of zeros, dots and nothing else does not. */
static inline int names_something(Slice uid)
{
    if (uid.size > 64) return 0;
    for (size_t i = 0; i < uid.size; i++)
        if (uid.at[i] != '0' && uid.at[i] != '.') return 1;
    return 0;
}

static inline int has_long_length(uint16_t vr)
{
    switch (vr) {
    case VR('O','B'): case VR('O','D'): case VR('O','F'): case VR('O','L'): case VR('O','V'): case VR('O','W'):
    case VR('S','Q'): case VR('S','V'): case VR('U','C'): case VR('U','N'): case VR('U','R'): case VR('U','T'):
    case VR('U','V'):
        return 1;
    case VR('A','E'): case VR('A','S'): case VR('A','T'): case VR('C','S'): case VR('D','A'): case VR('D','S'):
    case VR('D','T'): case VR('F','D'): case VR('F','L'): case VR('I','S'): case VR('L','O'): case VR('L','T'):
    case VR('P','N'): case VR('S','H'): case VR('S','L'): case VR('S','S'): case VR('S','T'): case VR('T','M'):
    case VR('U','I'): case VR('U','L'): case VR('U','S'):
        return 0;
    }
    return -1;
}

typedef void (*Take)(void *held, uint32_t tag, Slice value, int undefined);

/* Does the work of elements.headers, and gives the values outside of sequences to `take`, which is inlined. One of undefined
 * length comes without its bytes. Returns -1 if the data set is malformed, else 0. */
static inline int walk(const uint8_t *data, size_t size, int explicit, Take take, void *held)
{
    uint8_t outside[MAX_NESTING];
    int depth = 0;
    size_t at = 0;
    while (at < size) {
        if (size - at < 8) return -1;
        uint32_t tag = (uint32_t)le16(data + at) << 16 | le16(data + at + 2), length;
        if (tag >> 16 == 0xFFFE) {
            length = le32(data + at + 4);
            at += 8;
            if (tag == 0xFFFEE0DD) {
                if (!depth) return -1;
                explicit = outside[--depth];
            } else if ((tag != 0xFFFEE000 && tag != 0xFFFEE00D) || !depth) {
                return -1;
            } else if (tag == 0xFFFEE000 && length != UNDEFINED) {
                if (length > size - at) return -1;
                at += length;
            }
            continue;
        }
        int inner = explicit;
        if (explicit) {
            uint16_t vr = le16(data + at + 4);
            switch (has_long_length(vr)) {
            case 1:
                if (size - at < 12) return -1;
                length = le32(data + at + 8);
                at += 12;
                inner = vr != VR('U', 'N');
                break;
            case 0:
                length = le16(data + at + 6);
                at += 8;
                break;
            default:
                return -1;
            }
        } else {
            length = le32(data + at + 4);
            at += 8;
        }
        if (length == UNDEFINED) {
            if (depth >= MAX_NESTING) return -1;
            if (!depth) take(held, tag, (Slice){NULL, 0}, 1);
            outside[depth++] = (uint8_t)explicit;
            explicit = inner;
            continue;
        }
        if (length > size - at) return -1;
        if (!depth) take(held, tag, (Slice){data + at, length}, 0);
        at += length;
    }
    return depth ? -1 : 0;
}

/* ---- elements of the DICOM JSON model */

/* Finds the text of an object that holds one element as bytes, and what it is made of; see element.h. The text stands in the
 * object's buffer, which is released with it. Returns -1 with an exception if the object has no buffer. */
typedef struct { Py_buffer buffer; Slice text; int made; } Element;

static inline int element_of(PyObject *object, Element *found)
{
    if (PyObject_GetBuffer(object, &found->buffer, PyBUF_SIMPLE) < 0) return -1;
    found->made = element_text((Slice){found->buffer.buf, (size_t)found->buffer.len}, &found->text);
    return 0;
}

/* ---- PersonalTally, of personal.c */

extern PyTypeObject PersonalTallyType;

int personal_add(PyObject *tally, const uint8_t *data, size_t size, int explicit); /* returns -1 with an exception */
int personal_settle(PyObject *tally);

#endif
