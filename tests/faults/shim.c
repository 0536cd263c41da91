/* Loaded before libc (LD_PRELOAD): writes down what a process does to the files under one folder, and makes it fail.
 *
 * AUTOCORE_SHIM_ROOT     the folder; nothing else is touched
 * AUTOCORE_SHIM_LOG      a file for the record (shim.py reads it); without it nothing is recorded
 * AUTOCORE_SHIM_CONTROL  a file of `struct control`, shared with the test that steers; without it nothing fails
 *
 * It refuses to be inherited: a child process starts without it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MOST_FDS = 65536 };
enum { WRITES = 1, SYNCS = 2, READS = 4, OPENS_TO_WRITE = 8, NAMES = 16, OPENS = 32 };

struct control {
    volatile int32_t error;    /* errno of what fails; 0: nothing does */
    volatile uint32_t kinds;   /* which calls fail, of the bits above */
    volatile uint32_t chance;  /* in a thousand */
    volatile int32_t has_room; /* 1: `room` counts */
    volatile int64_t room;     /* bytes that the disk still takes; beyond it a file cannot grow (ENOSPC) */
    volatile uint64_t failed;  /* calls that were made to fail */
    volatile uint64_t written; /* bytes that reached the files */
};

struct entry {
    char kind;
    char pad[3];
    uint32_t length;
    uint64_t inode;
    int64_t offset;
};

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static char root[4096];
static size_t root_length;
static int log_fd = -1;
static struct control *control;
static char state[MOST_FDS]; /* 0 not looked at, 1 elsewhere, 2 a file under the root, 3 a folder under it */
static int is_ready;
static unsigned int dice = 1;

/* libc's own function of that name, looked up once. */
#define REAL(name) \
    ({ \
        static __typeof__(&name) found_##name; \
        if (found_##name == NULL) found_##name = (__typeof__(&name))dlsym(RTLD_NEXT, #name); \
        found_##name; \
    })

static void set_up(void) {
    if (is_ready) return;
    is_ready = 1;
    const char *where = getenv("AUTOCORE_SHIM_ROOT"), *record = getenv("AUTOCORE_SHIM_LOG"), *steering = getenv("AUTOCORE_SHIM_CONTROL");
    if (where == NULL || realpath(where, root) == NULL) return;
    root_length = strlen(root);
    dice = (unsigned int)getpid();
    if (record != NULL) {
        int fd = (int)syscall(SYS_openat, AT_FDCWD, record, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        log_fd = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 900); /* out of the way of those who count descriptors */
        syscall(SYS_close, fd);
    }
    if (steering != NULL) {
        int fd = (int)syscall(SYS_openat, AT_FDCWD, steering, O_RDWR | O_CLOEXEC, 0);
        void *place = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        control = place == MAP_FAILED ? NULL : place;
        syscall(SYS_close, fd);
    }
    unsetenv("LD_PRELOAD");
}

__attribute__((constructor)) static void at_start(void) { set_up(); }

static int is_under_root(const char *path) {
    return root_length && strncmp(path, root, root_length) == 0 && (path[root_length] == '/' || path[root_length] == 0);
}

/* The absolute path of `path` beside `folder`, without links resolved in its last part; 0 when it is not under the root. */
static int find_path(int folder, const char *path, char *found) {
    set_up();
    if (!root_length || path == NULL) return 0;
    char before[8192];
    if (path[0] == '/') {
        snprintf(before, sizeof before, "%s", path);
    } else {
        char base[4096];
        if (folder == AT_FDCWD) {
            if (getcwd(base, sizeof base) == NULL) return 0;
        } else {
            char name[64];
            snprintf(name, sizeof name, "/proc/self/fd/%d", folder);
            ssize_t length = readlink(name, base, sizeof base - 1);
            if (length < 0) return 0;
            base[length] = 0;
        }
        snprintf(before, sizeof before, "%s/%s", base, path);
    }
    char *last = strrchr(before, '/');
    char above[4096];
    if (last == before) return 0;
    *last = 0;
    if (realpath(before, above) == NULL) return 0;
    int length = snprintf(found, 4096, last[1] && strcmp(last + 1, ".") ? "%s/%s" : "%s", above, last + 1);
    return length < 4096 && is_under_root(found);
}

static int look_at(int fd) {
    set_up();
    if (!root_length || fd < 0 || fd >= MOST_FDS) return 1;
    if (state[fd]) return state[fd];
    char name[64], found[4096];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(name, found, sizeof found - 1);
    found[length < 0 ? 0 : length] = 0;
    struct stat facts;
    state[fd] = 1;
    if (is_under_root(found) && fstat(fd, &facts) == 0) state[fd] = S_ISDIR(facts.st_mode) ? 3 : S_ISREG(facts.st_mode) ? 2 : 1;
    return state[fd];
}

static void record(char kind, uint64_t inode, int64_t offset, const void *data, size_t length) {
    if (log_fd < 0) return;
    struct entry entry = {kind, {0}, (uint32_t)length, inode, offset};
    struct iovec parts[2] = {{&entry, sizeof entry}, {(void *)data, length}};
    syscall(SYS_writev, log_fd, parts, 2);
}

static void record_names(char kind, uint64_t inode, const char *one, const char *two) {
    char both[8192];
    int length = snprintf(both, sizeof both, "%s%c%s", one, 0, two ? two : "");
    record(kind, inode, 0, both, (size_t)length);
}

/* Called by the workload: what it was told is safe. */
void autocore_mark(const char *text) {
    pthread_mutex_lock(&lock);
    record('A', 0, 0, text, strlen(text));
    pthread_mutex_unlock(&lock);
}

/* Whether this call is to fail; sets errno. */
static int fails(unsigned int kind) {
    if (control == NULL || control->error == 0 || !(control->kinds & kind)) return 0;
    if (control->chance < 1000 && (unsigned int)rand_r(&dice) % 1000 >= control->chance) return 0;
    __atomic_add_fetch(&control->failed, 1, __ATOMIC_RELAXED);
    errno = control->error;
    return 1;
}

/* How many of the bytes from `offset` the disk takes: those within the file cost nothing. */
static size_t room_for(int fd, int64_t offset, size_t length) {
    if (control == NULL || !control->has_room) return length;
    struct stat facts;
    if (fstat(fd, &facts) != 0) return length;
    int64_t growth = offset + (int64_t)length - facts.st_size;
    if (growth <= 0) return length;
    int64_t room = __atomic_load_n(&control->room, __ATOMIC_RELAXED);
    int64_t given = growth < room ? growth : room > 0 ? room : 0;
    int64_t taken = (int64_t)length - (growth - given);
    if (taken <= 0) {
        __atomic_add_fetch(&control->failed, 1, __ATOMIC_RELAXED);
        return 0;
    }
    __atomic_sub_fetch(&control->room, given, __ATOMIC_RELAXED);
    return (size_t)taken;
}

static void give_back(int64_t bytes) {
    if (control != NULL && control->has_room && bytes > 0) __atomic_add_fetch(&control->room, bytes, __ATOMIC_RELAXED);
}

static ssize_t put(int fd, const void *data, size_t length, int64_t offset, int is_placed) {
    pthread_mutex_lock(&lock);
    ssize_t done = -1;
    struct stat facts;
    int64_t at = offset;
    if (fails(WRITES)) goto end;
    if (!is_placed) at = (fcntl(fd, F_GETFL) & O_APPEND) && fstat(fd, &facts) == 0 ? facts.st_size : lseek(fd, 0, SEEK_CUR);
    size_t taken = room_for(fd, at, length);
    if (taken == 0 && length > 0) {
        errno = ENOSPC;
        goto end;
    }
    done = is_placed ? REAL(pwrite64)(fd, data, taken, offset) : REAL(write)(fd, data, taken);
    if (done > 0) {
        if (control != NULL) __atomic_add_fetch(&control->written, (uint64_t)done, __ATOMIC_RELAXED);
        if (log_fd >= 0 && fstat(fd, &facts) == 0) record('W', facts.st_ino, at, data, (size_t)done);
    }
end:
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t write(int fd, const void *data, size_t length) {
    return look_at(fd) == 2 ? put(fd, data, length, 0, 0) : REAL(write)(fd, data, length);
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) {
    return look_at(fd) == 2 ? put(fd, data, length, offset, 1) : REAL(pwrite64)(fd, data, length, offset);
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) { return pwrite64(fd, data, length, offset); }

static ssize_t put_parts(int fd, const struct iovec *parts, int amount, int64_t offset, int is_placed) {
    ssize_t sum = 0;
    for (int number = 0; number < amount; number++) {
        ssize_t done = put(fd, parts[number].iov_base, parts[number].iov_len, offset + sum, is_placed);
        if (done < 0) return sum ? sum : -1;
        sum += done;
        if ((size_t)done < parts[number].iov_len) break;
    }
    return sum;
}

ssize_t writev(int fd, const struct iovec *parts, int amount) {
    return look_at(fd) == 2 ? put_parts(fd, parts, amount, 0, 0) : REAL(writev)(fd, parts, amount);
}

ssize_t pwritev(int fd, const struct iovec *parts, int amount, off_t offset) {
    return look_at(fd) == 2 ? put_parts(fd, parts, amount, offset, 1) : REAL(pwritev)(fd, parts, amount, offset);
}

ssize_t read(int fd, void *data, size_t length) {
    return look_at(fd) == 2 && fails(READS) ? -1 : REAL(read)(fd, data, length);
}

ssize_t pread64(int fd, void *data, size_t length, off64_t offset) {
    return look_at(fd) == 2 && fails(READS) ? -1 : REAL(pread64)(fd, data, length, offset);
}

ssize_t pread(int fd, void *data, size_t length, off_t offset) { return pread64(fd, data, length, offset); }

/* Copies within the kernel would pass us by; their callers fall back to reading and writing. */
ssize_t sendfile64(int to, int from, off64_t *offset, size_t length) {
    if (look_at(to) == 2) {
        errno = EINVAL;
        return -1;
    }
    return REAL(sendfile64)(to, from, offset, length);
}

ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t length, unsigned int flags) {
    if (look_at(to) == 2) {
        errno = EXDEV;
        return -1;
    }
    return REAL(copy_file_range)(from, from_at, to, to_at, length, flags);
}

static int cut(int fd, int64_t length, struct stat *facts) {
    if (fstat(fd, facts) != 0) return -1;
    if (length > facts->st_size && room_for(fd, facts->st_size, (size_t)(length - facts->st_size)) < (size_t)(length - facts->st_size)) {
        errno = ENOSPC;
        return -1;
    }
    int answer = REAL(ftruncate64)(fd, length);
    if (answer == 0) {
        give_back(facts->st_size - length);
        record('T', facts->st_ino, length, NULL, 0);
    }
    return answer;
}

int ftruncate64(int fd, off64_t length) {
    if (look_at(fd) != 2) return REAL(ftruncate64)(fd, length);
    struct stat facts;
    pthread_mutex_lock(&lock);
    int answer = fails(WRITES) ? -1 : cut(fd, length, &facts);
    pthread_mutex_unlock(&lock);
    return answer;
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

static int put_down(int fd, int (*how)(int)) {
    int what = look_at(fd);
    if (what < 2) return how(fd);
    pthread_mutex_lock(&lock);
    int answer = fails(SYNCS) ? -1 : how(fd);
    struct stat facts;
    if (answer == 0 && log_fd >= 0 && fstat(fd, &facts) == 0) {
        char name[64], found[4096];
        snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(name, found, sizeof found);
        record(what == 3 ? 'D' : 'S', facts.st_ino, 0, found, length < 0 ? 0 : (size_t)length);
    }
    pthread_mutex_unlock(&lock);
    return answer;
}

int fsync(int fd) { return put_down(fd, REAL(fsync)); }
int fdatasync(int fd) { return put_down(fd, REAL(fdatasync)); }

static int open_any(int folder, const char *path, int flags, mode_t mode) {
    char found[4096];
    if (!find_path(folder, path, found)) {
        int fd = REAL(openat64)(folder, path, flags, mode);
        if (fd >= 0 && fd < MOST_FDS) state[fd] = 0;
        return fd;
    }
    pthread_mutex_lock(&lock);
    struct stat facts;
    int fd = -1, is_there = stat(found, &facts) == 0, writes = (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC));
    if (fails(OPENS) || (writes && fails(OPENS_TO_WRITE))) goto end;
    int64_t size = is_there ? facts.st_size : 0;
    fd = REAL(openat64)(folder, path, flags, mode);
    if (fd >= 0 && fd < MOST_FDS) {
        state[fd] = 0;
        if (look_at(fd) == 2 && fstat(fd, &facts) == 0) {
            if (!is_there) record_names('C', facts.st_ino, found, NULL);
            if (is_there && (flags & O_TRUNC) && size > 0) {
                give_back(size);
                record('T', facts.st_ino, 0, NULL, 0);
            }
        }
    }
end:
    pthread_mutex_unlock(&lock);
    return fd;
}

#define MODE_OF(flags, last) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { \
        va_list more; \
        va_start(more, last); \
        mode = va_arg(more, mode_t); \
        va_end(more); \
    }

int open64(const char *path, int flags, ...) { MODE_OF(flags, flags) return open_any(AT_FDCWD, path, flags, mode); }
int open(const char *path, int flags, ...) { MODE_OF(flags, flags) return open_any(AT_FDCWD, path, flags, mode); }
int openat64(int folder, const char *path, int flags, ...) { MODE_OF(flags, flags) return open_any(folder, path, flags, mode); }
int openat(int folder, const char *path, int flags, ...) { MODE_OF(flags, flags) return open_any(folder, path, flags, mode); }

int close(int fd) {
    if (fd >= 0 && fd == log_fd) return 0;
    if (fd >= 0 && fd < MOST_FDS) state[fd] = 0;
    return REAL(close)(fd);
}

int dup2(int from, int to) {
    if (to >= 0 && to < MOST_FDS) state[to] = 0;
    return REAL(dup2)(from, to);
}

static int rename_any(int old_folder, const char *old, int new_folder, const char *new) {
    char from[4096], to[4096];
    if (!find_path(old_folder, old, from) || !find_path(new_folder, new, to)) return REAL(renameat)(old_folder, old, new_folder, new);
    pthread_mutex_lock(&lock);
    struct stat facts;
    int answer = -1;
    int64_t lost = stat(to, &facts) == 0 && S_ISREG(facts.st_mode) ? facts.st_size : 0;
    if (!fails(NAMES)) answer = REAL(renameat)(old_folder, old, new_folder, new);
    if (answer == 0) {
        give_back(lost);
        record_names('R', 0, from, to);
    }
    pthread_mutex_unlock(&lock);
    return answer;
}

int rename(const char *old, const char *new) { return rename_any(AT_FDCWD, old, AT_FDCWD, new); }
int renameat(int old_folder, const char *old, int new_folder, const char *new) { return rename_any(old_folder, old, new_folder, new); }

int unlinkat(int folder, const char *path, int flags) {
    char found[4096];
    if (!find_path(folder, path, found)) return REAL(unlinkat)(folder, path, flags);
    pthread_mutex_lock(&lock);
    struct stat facts;
    int answer = -1;
    int64_t lost = lstat(found, &facts) == 0 && S_ISREG(facts.st_mode) ? facts.st_size : 0;
    if (!fails(NAMES)) answer = REAL(unlinkat)(folder, path, flags);
    if (answer == 0) {
        give_back(lost);
        record_names('U', 0, found, NULL);
    }
    pthread_mutex_unlock(&lock);
    return answer;
}

int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int mkdirat(int folder, const char *path, mode_t mode) {
    char found[4096];
    if (!find_path(folder, path, found)) return REAL(mkdirat)(folder, path, mode);
    pthread_mutex_lock(&lock);
    int answer = fails(NAMES) ? -1 : REAL(mkdirat)(folder, path, mode);
    if (answer == 0) record_names('M', 0, found, NULL);
    pthread_mutex_unlock(&lock);
    return answer;
}

int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

int link(const char *old, const char *new) {
    char from[4096], to[4096];
    if (!find_path(AT_FDCWD, old, from) || !find_path(AT_FDCWD, new, to)) return REAL(link)(old, new);
    pthread_mutex_lock(&lock);
    int answer = fails(NAMES) ? -1 : REAL(link)(old, new);
    if (answer == 0) record_names('L', 0, from, to);
    pthread_mutex_unlock(&lock);
    return answer;
}
