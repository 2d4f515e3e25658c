/* The look at personal attributes in C. It does the same as personal.py, which explains it. A test compares the two.
 *
 * It makes no Python object of a value and allocates nothing per record: a record becomes a hash of its UID, a hash of its
 * patient, and bits. These wait in a queue while the memory of both sets is prefetched. The queue is empty whenever Python
 * runs. */

#include "core.h"
#include "programs.h"

#include <string.h>

#define QUEUE 64
#define MAX_FIELDS 64
#define MAX_KINDS 32
#define MAX_RULES 64
#define MAX_WRITTEN 64
#define PATIENT 1024 /* bytes of an id with its issuer; what is longer has memory of its own */
#define NO_KIND (-1)

enum { NOT_LOOKED_AT, ANY_ASIDE, PLAIN_ASIDE };
enum { FILLED, MALFORMED, NINE, LOOKED, REDACTED, PHANTOM, CODED, KIND_COUNTS };
enum { SHAPED, VALID, DASHED, RULE_COUNTS };
enum { ALL, ARE_VALID, ARE_WRITTEN, ARE_BOTH, ARE_RARE, ARE_DATED, LEARNED_COUNTS }; /* of the distinct ids of a rule */
enum { COUNTED, ASIDE }; /* what becomes of a record; -1 is an exception */
enum { ROLE_UID = -1, ROLE_CHARACTER_SET = -2, ROLE_NONE = -3 };

typedef struct { uint32_t tag; int kind; uint16_t vr; } Field;
typedef struct { uint32_t tag; int role; } Wanted; /* the role is the place of a field, or one of those above */

typedef struct {
    int kind, is_ssn;
    size_t size, written_size;
    uint8_t shape[MAX_NUMBER], written[MAX_WRITTEN];
    PyObject *program; /* bytes */
    DistinctSet *leads, *firsts;
    uint64_t counts[RULE_COUNTS], learned[LEARNED_COUNTS];
} Rule;

/* The one id of nine digits in a record: which rules have its shape, which it passes, and as which it is written. */
typedef struct {
    int kind; /* NO_KIND: there is none */
    int is_rare, is_dated;
    uint64_t id, lead, first, shaped, valid, written;
} Nine;

typedef struct {
    uint64_t uid, patient;
    int has_patient;
    uint8_t dates, year; /* of exam: whether one came, and its place in `years` */
    uint32_t kinds[KIND_COUNTS]; /* a bit for each kind */
    uint64_t rules[RULE_COUNTS]; /* a bit for each rule */
    Nine nine;
} Judged;

typedef struct {
    PyObject_HEAD
    uint64_t alone, records, malformed, without_id;
    DistinctSet *seen, *patients, *known[MAX_KINDS];
    PyObject *aside;
    int fields_size, rules_size, id_at, issuer_at;
    Field fields[MAX_FIELDS];
    Wanted wanted[MAX_FIELDS + 3]; /* by ascending tag; the last one ends the search */
    uint8_t modes[MAX_KINDS];
    uint64_t counts[MAX_KINDS][KIND_COUNTS];
    uint64_t years[YEARS + 1]; /* the first: of records without a year */
    Rule rules[MAX_RULES];
    uint8_t joined[PATIENT]; /* an id with its issuer, while it is hashed */
    Judged queue[QUEUE];
    uint64_t queued;
} PersonalTally;

/* ---- the queue */

static inline int lowest(uint64_t bits)
{
#ifdef __GNUC__
    return __builtin_ctzll(bits);
#else
    int at = 0;
    for (; !(bits & 1); bits >>= 1) at++;
    return at;
#endif
}

/* Learns from a distinct id. Returns -1 without memory. */
static int learn(PersonalTally *p, const Nine *nine)
{
    int added = distinct_add(p->known[nine->kind], nine->id);
    if (added <= 0) return added;
    for (uint64_t bits = nine->shaped; bits; bits &= bits - 1) {
        uint64_t bit = bits & (~bits + 1);
        Rule *rule = &p->rules[lowest(bits)];
        int valid = (nine->valid & bit) != 0, written = (nine->written & bit) != 0;
        rule->learned[ALL]++;
        rule->learned[ARE_VALID] += valid;
        rule->learned[ARE_WRITTEN] += written;
        rule->learned[ARE_BOTH] += valid && written;
        rule->learned[ARE_RARE] += valid && rule->is_ssn && nine->is_rare;
        rule->learned[ARE_DATED] += nine->is_dated;
        if (distinct_add(rule->leads, nine->lead) < 0 || distinct_add(rule->firsts, nine->first) < 0) return -1;
    }
    return 0;
}

static int settle(PersonalTally *p)
{
    uint64_t queued = p->queued;
    p->queued = 0;
    for (uint64_t i = 0; i < queued; i++) {
        const Judged *one = &p->queue[i];
        int added = distinct_ready(p->patients); /* first: a study whose patient has no room is taken in later, as a whole */
        if (added > 0) added = distinct_add(p->seen, one->uid);
        if (added > 0) {
            p->alone--;
            p->records++;
            p->years[one->year]++;
            if (!one->has_patient) p->without_id++;
            else if (distinct_add(p->patients, one->patient) < 0) added = -1;
            for (int count = 0; count < KIND_COUNTS; count++)
                for (uint64_t bits = one->kinds[count]; bits; bits &= bits - 1) p->counts[lowest(bits)][count]++;
            for (int count = 0; count < RULE_COUNTS; count++)
                for (uint64_t bits = one->rules[count]; bits; bits &= bits - 1) p->rules[lowest(bits)].counts[count]++;
            if (one->nine.kind != NO_KIND && learn(p, &one->nine) < 0) added = -1;
        }
        if (added < 0) return -1;
    }
    return 0;
}

/* ---- one record */

/* Notes an id that schemes are learned from. Two of them in one record go aside. */
static int note_nine(PersonalTally *p, int kind, Slice value, const uint8_t *number, Nine *nine)
{
    if (nine->kind != NO_KIND) return ASIDE;
    DistinctSet *known = p->known[kind];
    nine->kind = kind;
    nine->id = keyed_hash(known->key, value.at, value.size);
    set_prefetch(&known->seen, nine->id);
    if (p->rules_size) { /* the sets of all rules have one key */
        nine->lead = keyed_hash(p->rules[0].leads->key, number, 3);
        nine->first = keyed_hash(p->rules[0].leads->key, number, 1);
    }
    nine->is_rare = memcmp(number, "772", 3) > 0;
    nine->is_dated = number_begins_with_a_date(number);
    return COUNTED;
}

/* Notes the rules that an id passes, and whether it may hold a US social security number. */
static int judge_id(PersonalTally *p, int kind, Slice value, Judged *made)
{
    uint8_t number[MAX_NUMBER];
    size_t size = value_number(value, number);
    int nine = number_is_nine_digits(number, size), is_ssn = nine && number_is_ssn(number);
    int learns = nine && p->known[kind];
    if (learns && note_nine(p, kind, value, number, &made->nine) == ASIDE) return ASIDE;
    for (int i = 0; i < p->rules_size; i++) {
        const Rule *rule = &p->rules[i];
        if (rule->kind != kind || rule->size != size || !written_as(number, rule->shape, size)) continue;
        uint64_t bit = (uint64_t)1 << i;
        const uint8_t *program = (const uint8_t *)PyBytes_AS_STRING(rule->program);
        size_t program_size = (size_t)PyBytes_GET_SIZE(rule->program);
        if (!rule->is_ssn && !program_size) return ASIDE;
        int valid = rule->is_ssn ? is_ssn : program_valid(program, program_size, number, size);
        int written = rule->written_size && rule->written_size == value.size && written_as(value.at, rule->written, value.size);
        made->rules[SHAPED] |= bit;
        if (valid) made->rules[VALID] |= bit;
        if (valid && written) made->rules[DASHED] |= bit;
        if (!learns) continue;
        made->nine.shaped |= bit;
        if (valid) made->nine.valid |= bit;
        if (written) made->nine.written |= bit;
    }
    if (is_ssn || (value_may_hold_ssn(value) && !value_is_hash(value))) made->kinds[NINE] |= (uint32_t)1 << kind;
    return COUNTED;
}

static int judge_value(PersonalTally *p, const Field *field, Slice whole, unsigned signs, Judged *made)
{
    uint32_t bit = (uint32_t)1 << field->kind;
    Slice value = value_strip(whole);
    if (value.size != whole.size) signs = value_signs(value);
    if (!(signs & TELLING)) return COUNTED;
    if (p->modes[field->kind] != NOT_LOOKED_AT) {
        if (p->modes[field->kind] == ANY_ASIDE || made->kinds[LOOKED] & bit) return ASIDE;
        int looks = value_appearance(field->kind, field->vr, value);
        if (!looks) return ASIDE;
        made->kinds[LOOKED] |= bit;
        if (looks & IS_REDACTED) made->kinds[REDACTED] |= bit;
        if (looks & IS_PHANTOM) made->kinds[PHANTOM] |= bit;
        if (looks & IS_CODED) made->kinds[CODED] |= bit;
    }
    made->kinds[FILLED] |= bit;
    int well_formed = value_well_formed(field->kind, field->vr, value, signs);
    if (!well_formed) made->kinds[MALFORMED] |= bit;
    if (field->tag == TAG_STUDY_DATE && field->vr == VR('D', 'A')) { /* of several dates, none is known to be the one */
        made->year = well_formed && !made->dates ? (uint8_t)value_year_place(value) : 0;
        made->dates = 1;
    }
    if (field->kind == PATIENT_ID || field->kind == OTHER_IDS) return judge_id(p, field->kind, value, made);
    return COUNTED;
}

static int judge_field(PersonalTally *p, const Field *field, Slice whole, Judged *made)
{
    unsigned signs = value_signs(whole);
    if (signs & FOREIGN) return ASIDE;
    if (field->kind == NO_KIND) return COUNTED;
    if (!(signs & BACKSLASH) || field->vr == VR('S', 'T') || field->vr == VR('L', 'T'))
        return judge_value(p, field, whole, signs, made);
    const uint8_t *end = whole.at + whole.size;
    for (const uint8_t *from = whole.at; from <= end;) {
        const uint8_t *to = memchr(from, '\\', (size_t)(end - from));
        Slice part = {from, (size_t)((to ? to : end) - from)};
        if (judge_value(p, field, part, value_signs(part), made) == ASIDE) return ASIDE;
        if (!to) break;
        from = to + 1;
    }
    return COUNTED;
}

/* Hashes an id with its issuer, which come apart. */
static int hash_joined(PersonalTally *p, Slice id, Slice issuer, uint64_t *made)
{
    size_t size = id.size + 1 + issuer.size;
    uint8_t *joined = size > PATIENT ? PyMem_RawMalloc(size) : p->joined;
    if (!joined) {
        PyErr_NoMemory();
        return -1;
    }
    memcpy(joined, id.at, id.size);
    joined[id.size] = '\\';
    memcpy(joined + id.size + 1, issuer.at, issuer.size);
    *made = keyed_hash(p->patients->key, joined, size);
    memset(joined, 0, size);
    if (joined != p->joined) PyMem_RawFree(joined);
    return 0;
}

static int judge_patient(PersonalTally *p, const Slice *values, Judged *made)
{
    Slice none = {NULL, 0};
    Slice id = p->id_at < 0 ? none : value_strip(values[p->id_at]);
    Slice issuer = p->issuer_at < 0 ? none : value_strip(values[p->issuer_at]);
    if (!id.size) return 0;
    if (!issuer.size) made->patient = keyed_hash(p->patients->key, id.at, id.size);
    else if (hash_joined(p, id, issuer, &made->patient) < 0) return -1;
    made->has_patient = 1;
    set_prefetch(&p->patients->seen, made->patient);
    return 0;
}

/* A row that names no study. */
static int judge_nameless(PersonalTally *p, const Slice *values)
{
    for (int i = 0; i < p->fields_size; i++)
        if (value_signs(values[i]) & FOREIGN || (p->fields[i].vr == VR('S', 'Q') && values[i].size)) return ASIDE;
    p->malformed++;
    return COUNTED;
}

/* Judges the values of one record, in the order of the fields, and lets it wait in the queue. */
static int judge(PersonalTally *p, Slice uid, const Slice *values)
{
    if (!names_something(uid)) return judge_nameless(p, values);
    Judged *made = &p->queue[p->queued];
    memset(made, 0, sizeof *made);
    made->nine.kind = NO_KIND;
    made->uid = keyed_hash(p->seen->key, uid.at, uid.size);
    set_prefetch(&p->seen->seen, made->uid);
    for (int i = 0; i < p->fields_size; i++) {
        if (!values[i].size) continue;
        if (p->fields[i].vr == VR('S', 'Q') || judge_field(p, &p->fields[i], values[i], made) == ASIDE) return ASIDE;
    }
    if (judge_patient(p, values, made) < 0) return -1;
    return ++p->queued == QUEUE ? settle(p) : COUNTED;
}

/* Whether it may count the next record. What waits may bring `alone` to 0. Returns -1 with an exception. */
static int may_count(PersonalTally *p)
{
    if (p->queued >= p->alone && settle(p) < 0) return -1;
    return p->alone > 0;
}

typedef struct {
    const Wanted *wanted, *next;
    uint32_t tag, last; /* of the element before, and of the last wanted one */
    int is_odd;         /* a wanted attribute follows a larger tag, comes again or has no length */
    Slice uid, values[MAX_FIELDS];
} Found;

static inline void take(void *held, uint32_t tag, Slice value, int undefined)
{
    Found *found = held;
    if (tag < found->tag) found->next = found->wanted;
    found->tag = tag;
    while (found->next->tag < tag) found->next++;
    int role = found->next->tag == tag ? found->next->role : ROLE_NONE;
    if (role == ROLE_NONE) return;
    if (tag <= found->last || undefined) found->is_odd = 1;
    found->last = tag;
    if (role == ROLE_UID) found->uid = value;
    else if (role >= 0) found->values[role] = value;
}

static int judge_data_set(PersonalTally *p, const uint8_t *data, size_t size, int explicit)
{
    Found found;
    found.wanted = found.next = p->wanted;
    found.tag = found.last = 0;
    found.is_odd = 0;
    found.uid = (Slice){NULL, 0};
    memset(found.values, 0, (size_t)p->fields_size * sizeof *found.values);
    if (walk(data, size, explicit, take, &found) < 0) {
        p->malformed++;
        return COUNTED;
    }
    if (found.is_odd) return ASIDE;
    for (int i = 0; i < p->fields_size; i++) {
        if (p->fields[i].vr == VR('S', 'Q') && found.values[i].size) return ASIDE;
        found.values[i] = strip_padding(found.values[i]);
    }
    return judge(p, strip_padding(found.uid), found.values);
}

int personal_settle(PyObject *tally) { return settle((PersonalTally *)tally); }

int personal_add(PyObject *tally, const uint8_t *data, size_t size, int explicit)
{
    PersonalTally *p = (PersonalTally *)tally;
    int may = may_count(p);
    if (may < 0) return -1;
    int became = may ? judge_data_set(p, data, size, explicit) : ASIDE;
    if (became != ASIDE) return became;
    if (settle(p) < 0) return -1;
    if (!p->aside) {
        PyErr_SetString(PyExc_RuntimeError, "the tally was cleared");
        return -1;
    }
    PyObject *aside = Py_NewRef(p->aside);
    PyObject *made = PyObject_CallFunction(aside, "y#O", (const char *)data, (Py_ssize_t)size, explicit ? Py_True : Py_False);
    Py_DECREF(aside);
    if (!made) return -1;
    Py_DECREF(made);
    return 0;
}

/* ---- its making */

static int read_vr(PyObject *text, uint16_t *vr)
{
    Py_ssize_t size;
    const char *two = PyUnicode_AsUTF8AndSize(text, &size);
    if (!two) return -1;
    if (size != 2) {
        PyErr_SetString(PyExc_ValueError, "a VR has two letters");
        return -1;
    }
    *vr = VR((uint8_t)two[0], (uint8_t)two[1]);
    return 0;
}

static void want(PersonalTally *p, int held, uint32_t tag, int role)
{
    int at = held;
    for (; at > 0 && p->wanted[at - 1].tag > tag; at--) p->wanted[at] = p->wanted[at - 1];
    p->wanted[at] = (Wanted){tag, role};
}

static int read_field(PersonalTally *p, int at, PyObject *one)
{
    Field *field = &p->fields[at];
    PyObject *vr;
    unsigned int tag;
    if (!PyTuple_Check(one)) {
        PyErr_SetString(PyExc_TypeError, "a field is a tuple");
        return -1;
    }
    if (!PyArg_ParseTuple(one, "IiU", &tag, &field->kind, &vr) || read_vr(vr, &field->vr) < 0) return -1;
    if (field->kind < NO_KIND || field->kind >= MAX_KINDS) {
        PyErr_SetString(PyExc_ValueError, "no such kind");
        return -1;
    }
    field->tag = tag;
    if (tag == TAG_PATIENT_ID) p->id_at = at;
    if (tag == TAG_ISSUER) p->issuer_at = at;
    want(p, at, tag, at);
    return 0;
}

static int read_fields(PersonalTally *p, PyObject *fields)
{
    PyObject *all = PySequence_Fast(fields, "fields must be a sequence");
    if (!all) return -1;
    int failed = 0;
    p->id_at = p->issuer_at = -1;
    if (PySequence_Fast_GET_SIZE(all) > MAX_FIELDS) {
        PyErr_SetString(PyExc_ValueError, "too many fields");
        failed = -1;
    }
    for (Py_ssize_t i = 0; !failed && i < PySequence_Fast_GET_SIZE(all); i++, p->fields_size++)
        failed = read_field(p, (int)i, PySequence_Fast_GET_ITEM(all, i));
    Py_DECREF(all);
    if (failed) return -1;
    want(p, p->fields_size, TAG_STUDY, ROLE_UID);
    want(p, p->fields_size + 1, TAG_CHARACTER_SET, ROLE_CHARACTER_SET);
    want(p, p->fields_size + 2, 0xFFFFFFFFu, ROLE_NONE);
    return 0;
}

static PyObject *PersonalTally_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"seen", "patients", "fields", "aside", NULL};
    PyObject *seen, *patients, *fields, *aside;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!O!OO:PersonalTally", names, &DistinctSetType, &seen,
                                     &DistinctSetType, &patients, &fields, &aside))
        return NULL;
    PersonalTally *p = (PersonalTally *)type->tp_alloc(type, 0);
    if (!p) return NULL;
    p->seen = (DistinctSet *)Py_NewRef(seen);
    p->patients = (DistinctSet *)Py_NewRef(patients);
    p->aside = Py_NewRef(aside);
    if (read_fields(p, fields) < 0) Py_CLEAR(p);
    return (PyObject *)p;
}

static int PersonalTally_traverse(PersonalTally *p, visitproc visit, void *arg)
{
    Py_VISIT(p->aside);
    return 0;
}

static int PersonalTally_clear(PersonalTally *p)
{
    Py_CLEAR(p->aside);
    return 0;
}

static void drop_rules(Rule *rules, int size)
{
    for (int i = 0; i < size; i++) {
        Py_CLEAR(rules[i].program);
        Py_CLEAR(rules[i].leads);
        Py_CLEAR(rules[i].firsts);
    }
}

static void PersonalTally_dealloc(PersonalTally *p)
{
    PyObject_GC_UnTrack(p);
    PersonalTally_clear(p);
    Py_XDECREF(p->seen);
    Py_XDECREF(p->patients);
    for (int i = 0; i < MAX_KINDS; i++) Py_XDECREF(p->known[i]);
    drop_rules(p->rules, p->rules_size);
    Py_TYPE(p)->tp_free((PyObject *)p);
}

/* ---- its methods */

static PyObject *PersonalTally_add(PersonalTally *p, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"identifier", "explicit", NULL};
    Py_buffer data;
    int explicit;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "y*p:add", names, &data, &explicit)) return NULL;
    int failed = personal_add((PyObject *)p, data.buf, (size_t)data.len, explicit);
    PyBuffer_Release(&data);
    if (failed || settle(p) < 0) return NULL;
    Py_RETURN_NONE;
}

/* Finds the texts of a record of JSON. Returns ASIDE if one of them is not in ASCII, or -1 with an exception. */
static int find_texts(const PersonalTally *p, PyObject *all, Slice *found)
{
    if (PySequence_Fast_GET_SIZE(all) != p->fields_size) {
        PyErr_SetString(PyExc_ValueError, "not as many values as fields");
        return -1;
    }
    int became = COUNTED;
    for (int i = 0; i < p->fields_size; i++) {
        PyObject *one = PySequence_Fast_GET_ITEM(all, i);
        found[i] = (Slice){NULL, 0};
        if (one == Py_None) continue;
        if (!PyUnicode_Check(one)) {
            PyErr_SetString(PyExc_TypeError, "a value is a text or None");
            return -1;
        }
        if (!PyUnicode_IS_ASCII(one)) became = ASIDE;
        else found[i] = (Slice){PyUnicode_DATA(one), (size_t)PyUnicode_GET_LENGTH(one)};
    }
    return became;
}

static PyObject *PersonalTally_texts(PersonalTally *p, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"uid", "values", NULL};
    Slice uid = {NULL, 0}, found[MAX_FIELDS];
    Py_ssize_t size;
    PyObject *values;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "y#O:texts", names, &uid.at, &size, &values)) return NULL;
    uid.size = (size_t)size;
    PyObject *all = PySequence_Fast(values, "values must be a sequence");
    if (!all) return NULL;
    int became = find_texts(p, all, found);
    if (became == COUNTED) became = p->alone ? judge(p, strip_padding(uid), found) : ASIDE;
    if (became >= 0 && settle(p) < 0) became = -1;
    Py_DECREF(all);
    return became < 0 ? NULL : PyBool_FromLong(became == COUNTED);
}

/* Judges one record of JSON by its elements, of which the first is the UID. `held` are those whose buffer is held. */
static int judge_elements(PersonalTally *p, PyObject *uid, PyObject *all, Element *elements, int *held)
{
    Slice found[MAX_FIELDS];
    int may = may_count(p), became = COUNTED;
    if (may < 0) return -1;
    if (PySequence_Fast_GET_SIZE(all) != p->fields_size) {
        PyErr_SetString(PyExc_ValueError, "not as many values as fields");
        return -1;
    }
    for (int i = 0; i <= p->fields_size; i++, ++*held) {
        if (element_of(i ? PySequence_Fast_GET_ITEM(all, i - 1) : uid, &elements[i]) < 0) return -1;
        int allowed = i ? ELEMENT_STRING | ELEMENT_NAME : ELEMENT_STRING;
        if (elements[i].made & ~allowed) became = ASIDE; /* -1 has all bits */
        if (i) found[i - 1] = elements[i].text;
    }
    if (!may || became == ASIDE) return ASIDE;
    return judge(p, strip_padding(elements[0].text), found);
}

static PyObject *PersonalTally_json(PersonalTally *p, PyObject *const *given, Py_ssize_t size)
{
    Element elements[MAX_FIELDS + 1];
    int held = 0;
    if (size != 2) {
        PyErr_SetString(PyExc_TypeError, "json takes a UID and the values");
        return NULL;
    }
    PyObject *all = PySequence_Fast(given[1], "values must be a sequence");
    if (!all) return NULL;
    int became = judge_elements(p, given[0], all, elements, &held);
    while (held) PyBuffer_Release(&elements[--held].buffer);
    Py_DECREF(all);
    if (became >= 0 && settle(p) < 0) became = -1;
    return became < 0 ? NULL : PyBool_FromLong(became == COUNTED);
}

static int is_kind(long kind)
{
    if (kind >= 0 && kind < MAX_KINDS) return 1;
    PyErr_SetString(PyExc_IndexError, "no such kind");
    return 0;
}

static PyObject *PersonalTally_look(PersonalTally *p, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"kind", "mode", NULL};
    int kind, mode;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "ii:look", names, &kind, &mode) || !is_kind(kind)) return NULL;
    if (mode < NOT_LOOKED_AT || mode > PLAIN_ASIDE) {
        PyErr_SetString(PyExc_ValueError, "no such mode");
        return NULL;
    }
    p->modes[kind] = (uint8_t)mode;
    Py_RETURN_NONE;
}

static PyObject *PersonalTally_learn(PersonalTally *p, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"kind", "known", NULL};
    int kind;
    PyObject *known;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "iO:learn", names, &kind, &known) || !is_kind(kind)) return NULL;
    if (known != Py_None && !PyObject_TypeCheck(known, &DistinctSetType)) {
        PyErr_SetString(PyExc_TypeError, "known must be a DistinctSet or None");
        return NULL;
    }
    Py_XSETREF(p->known[kind], known == Py_None ? NULL : (DistinctSet *)Py_NewRef(known));
    Py_RETURN_NONE;
}

static int read_rule(Rule *rule, PyObject *one)
{
    const char *scheme, *shape, *written;
    Py_ssize_t size, written_size;
    PyObject *program, *leads, *firsts;
    memset(rule, 0, sizeof *rule);
    if (!PyTuple_Check(one)) {
        PyErr_SetString(PyExc_TypeError, "a rule is a tuple");
        return -1;
    }
    if (!PyArg_ParseTuple(one, "iss#s#SO!O!", &rule->kind, &scheme, &shape, &size, &written, &written_size, &program,
                          &DistinctSetType, &leads, &DistinctSetType, &firsts))
        return -1;
    if (size > MAX_NUMBER || written_size > MAX_WRITTEN) {
        PyErr_SetString(PyExc_ValueError, "a scheme's number is too long");
        return -1;
    }
    rule->is_ssn = !strcmp(scheme, "us.ssn");
    rule->size = (size_t)size;
    rule->written_size = (size_t)written_size;
    memcpy(rule->shape, shape, rule->size);
    memcpy(rule->written, written, rule->written_size);
    rule->program = Py_NewRef(program);
    rule->leads = (DistinctSet *)Py_NewRef(leads);
    rule->firsts = (DistinctSet *)Py_NewRef(firsts);
    return 0;
}

static PyObject *PersonalTally_rules(PersonalTally *p, PyObject *rules)
{
    Rule made[MAX_RULES];
    PyObject *all = PySequence_Fast(rules, "rules must be a sequence");
    if (!all) return NULL;
    Py_ssize_t size = PySequence_Fast_GET_SIZE(all);
    int held = 0, failed = size > MAX_RULES;
    if (failed) PyErr_SetString(PyExc_ValueError, "too many schemes");
    for (; !failed && held < size; held += !failed) failed = read_rule(&made[held], PySequence_Fast_GET_ITEM(all, held)) < 0;
    Py_DECREF(all);
    if (failed) {
        drop_rules(made, held);
        return NULL;
    }
    for (int i = 0; i < held; i++) {
        const uint64_t *key = made[0].leads->key;
        if (!memcmp(key, made[i].leads->key, sizeof made[i].leads->key) && !memcmp(key, made[i].firsts->key, sizeof made[i].firsts->key))
            continue;
        PyErr_SetString(PyExc_ValueError, "sets of two keys");
        drop_rules(made, held);
        return NULL;
    }
    int before = p->rules_size;
    p->rules_size = 0;
    drop_rules(p->rules, before);
    memcpy(p->rules, made, (size_t)held * sizeof *made);
    p->rules_size = held;
    Py_RETURN_NONE;
}

static PyObject *counts(const uint64_t *from, int size)
{
    PyObject *made = PyTuple_New(size);
    for (int i = 0; made && i < size; i++) {
        PyObject *one = PyLong_FromUnsignedLongLong(from[i]);
        if (one) PyTuple_SET_ITEM(made, i, one);
        else Py_CLEAR(made);
    }
    return made;
}

static PyObject *PersonalTally_kind(PersonalTally *p, PyObject *at)
{
    long kind = PyLong_AsLong(at);
    if (kind == -1 && PyErr_Occurred()) return NULL;
    return is_kind(kind) ? counts(p->counts[kind], KIND_COUNTS) : NULL;
}

static PyObject *PersonalTally_years(PersonalTally *p, PyObject *unused)
{
    (void)unused;
    return counts(p->years, YEARS + 1);
}

static const Rule *rule_at(PersonalTally *p, PyObject *at)
{
    long rule = PyLong_AsLong(at);
    if (rule == -1 && PyErr_Occurred()) return NULL;
    if (rule >= 0 && rule < p->rules_size) return &p->rules[rule];
    PyErr_SetString(PyExc_IndexError, "no such rule");
    return NULL;
}

static PyObject *PersonalTally_scheme(PersonalTally *p, PyObject *at)
{
    const Rule *rule = rule_at(p, at);
    return rule ? counts(rule->counts, RULE_COUNTS) : NULL;
}

static PyObject *PersonalTally_learned(PersonalTally *p, PyObject *at)
{
    const Rule *rule = rule_at(p, at);
    return rule ? counts(rule->learned, LEARNED_COUNTS) : NULL;
}

static PyObject *PersonalTally_alone(PersonalTally *p, void *unused) { (void)unused; return PyLong_FromUnsignedLongLong(p->alone); }
static int PersonalTally_set_alone(PersonalTally *p, PyObject *value, void *unused)
{
    (void)unused;
    if (!value) {
        PyErr_SetString(PyExc_AttributeError, "alone cannot be deleted");
        return -1;
    }
    unsigned long long alone = PyLong_AsUnsignedLongLong(value);
    if (PyErr_Occurred()) return -1;
    p->alone = alone;
    return 0;
}

static PyObject *PersonalTally_records(PersonalTally *p, void *unused) { (void)unused; return PyLong_FromUnsignedLongLong(p->records); }
static PyObject *PersonalTally_malformed(PersonalTally *p, void *unused) { (void)unused; return PyLong_FromUnsignedLongLong(p->malformed); }
static PyObject *PersonalTally_without_id(PersonalTally *p, void *unused) { (void)unused; return PyLong_FromUnsignedLongLong(p->without_id); }
static PyObject *PersonalTally_repr(PersonalTally *p) { (void)p; return PyUnicode_FromString("<PersonalTally>"); }

static PyGetSetDef PersonalTally_getset[] = {
    {"alone", (getter)PersonalTally_alone, (setter)PersonalTally_set_alone, NULL, NULL},
    {"records", (getter)PersonalTally_records, NULL, NULL, NULL},
    {"malformed", (getter)PersonalTally_malformed, NULL, NULL, NULL},
    {"without_id", (getter)PersonalTally_without_id, NULL, NULL, NULL},
    {NULL},
};
#define WITH_NAMES(function) (PyCFunction)(void (*)(void))function, METH_VARARGS | METH_KEYWORDS
static PyMethodDef PersonalTally_methods[] = {
    {"add", WITH_NAMES(PersonalTally_add), "Takes one record of DIMSE and forgets it."},
    {"texts", WITH_NAMES(PersonalTally_texts), "Takes one record of JSON. False: it must go aside."},
    {"json", (PyCFunction)(void (*)(void))PersonalTally_json, METH_FASTCALL,
     "Takes one record of JSON by its elements. False: it must go aside."},
    {"look", WITH_NAMES(PersonalTally_look), "How values of a kind are looked at."},
    {"learn", WITH_NAMES(PersonalTally_learn), "Learn from ids of nine digits that are not among these."},
    {"rules", (PyCFunction)PersonalTally_rules, METH_O, "The schemes that are counted from now on."},
    {"kind", (PyCFunction)PersonalTally_kind, METH_O, "The counts of a kind."},
    {"years", (PyCFunction)PersonalTally_years, METH_NOARGS, "Records by the year of their exam."},
    {"scheme", (PyCFunction)PersonalTally_scheme, METH_O, "The counts of a rule."},
    {"learned", (PyCFunction)PersonalTally_learned, METH_O, "The counts of a rule's distinct ids."},
    {NULL},
};
PyTypeObject PersonalTallyType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "filmbadge.ask.decoder.compiled.PersonalTally",
    .tp_doc = "Counts what the records of one archive fill. See personal.PersonalTally.",
    .tp_basicsize = sizeof(PersonalTally),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = PersonalTally_new,
    .tp_dealloc = (destructor)PersonalTally_dealloc,
    .tp_traverse = (traverseproc)PersonalTally_traverse,
    .tp_clear = (inquiry)PersonalTally_clear,
    .tp_repr = (reprfunc)PersonalTally_repr,
    .tp_call = (ternaryfunc)(void (*)(void))PersonalTally_add,
    .tp_methods = PersonalTally_methods,
    .tp_getset = PersonalTally_getset,
};
