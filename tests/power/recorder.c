/* Preloaded into a program: records what it does to the files of one folder, and its syncs.

   RECORDED_FOLDER: the folder, as the kernel names it. RECORDED_TO: the file that records are
   appended to. A record is a head, two paths and some bytes, see recording.py. Acts and their
   records are made under one lock, so the order of the records is that of the acts. A sync has a
   record where it begins and one where it has ended: what is written meanwhile is not synced.

   RECORDED_FAILS: while this file exists each sync of the log of a database fails, and takes a byte
   from its end; with the last one it is gone. RECORDED_HANGS: as long as it exists none of them
   ends, for a slow disk. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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
#include <time.h>
#include <unistd.h>

struct head { uint32_t kind, path_bytes, other_bytes, data_bytes; uint64_t file, number, ns; };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char folder[PATH_MAX];
static size_t folder_bytes;
static int log_fd = -1;
static uint64_t sync_count;
static const char *fails, *hangs;

__attribute__((constructor)) static void begin(void) {
  const char *to = getenv("RECORDED_TO"), *of = getenv("RECORDED_FOLDER");
  if (!to || !of) return;
  fails = getenv("RECORDED_FAILS");
  hangs = getenv("RECORDED_HANGS");
  folder_bytes = strlen(of);
  strncpy(folder, of, PATH_MAX - 1);
  log_fd = syscall(SYS_openat, AT_FDCWD, to, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

static void put(char kind, uint64_t file, uint64_t number, const char *path, const char *other,
                const void *data, size_t bytes) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  struct head head = {kind, strlen(path), strlen(other), bytes, file, number,
                      now.tv_sec * 1000000000ull + now.tv_nsec};
  struct iovec parts[] = {{&head, sizeof head}, {(void *)path, head.path_bytes},
                          {(void *)other, head.other_bytes}, {(void *)data, bytes}};
  size_t all = sizeof head + head.path_bytes + head.other_bytes + bytes;
  if (syscall(SYS_writev, log_fd, parts, 4) != (long)all) abort(); /* a gap would prove nothing */
}

static int ends_with(const char *path, const char *end) {
  size_t all = strlen(path), last = strlen(end);
  return all >= last && !strcmp(path + all - last, end);
}

static int is_inside(const char *path) {
  return !strncmp(path, folder, folder_bytes) && (!path[folder_bytes] || path[folder_bytes] == '/');
}

static int name_of(int fd, char *path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, PATH_MAX - 1);
  path[length < 0 ? 0 : length] = 0;
  return length > 0;
}

/* An open file or folder of ours: its number; else 0. */
static uint64_t ours(int fd, char *path) {
  int before = errno;
  struct stat about;
  uint64_t found = 0;
  if (log_fd >= 0 && !fstat(fd, &about) && (S_ISREG(about.st_mode) || S_ISDIR(about.st_mode)) &&
      name_of(fd, path) && is_inside(path)) found = about.st_ino;
  errno = before;
  return found;
}

/* The whole path of a name in a folder; 0 when it is none of ours. */
static int placed(int dir, const char *name, char *path) {
  char whole[2 * PATH_MAX], *last;
  if (log_fd < 0) return 0;
  if (name[0] == '/') snprintf(whole, sizeof whole, "%s", name);
  else {
    char base[PATH_MAX];
    if (dir == AT_FDCWD ? !getcwd(base, sizeof base) : !name_of(dir, base)) return 0;
    snprintf(whole, sizeof whole, "%s/%s", base, name);
  }
  while ((last = strrchr(whole, '/')) && last > whole && !last[1]) *last = 0;
  char kept = last[1];
  last[1] = 0;
  if (!realpath(whole, path)) return 0;
  last[1] = kept;
  if (strlen(path) + strlen(last) >= PATH_MAX) return 0;
  strcat(path, path[1] ? last : last + 1);
  return is_inside(path);
}

#define REAL(type, name, ...) \
  static type (*real)(__VA_ARGS__); \
  if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)
#define LOCKED(...) do { pthread_mutex_lock(&lock); __VA_ARGS__; pthread_mutex_unlock(&lock); } while (0)

static int opened(int dir, const char *name, int flags, mode_t mode) {
  char path[PATH_MAX];
  struct stat about;
  if (!(flags & (O_CREAT | O_TRUNC)) || !placed(dir, name, path))
    return syscall(SYS_openat, dir, name, flags, mode);
  int fd;
  LOCKED({
    int was_there = !fstatat(dir, name, &about, AT_SYMLINK_NOFOLLOW);
    fd = syscall(SYS_openat, dir, name, flags, mode);
    int why = errno;
    if (fd >= 0 && !fstat(fd, &about)) {
      if (!was_there) put('c', about.st_ino, 0, path, "", "", 0);
      else if (flags & O_TRUNC) put('t', about.st_ino, 0, path, "", "", 0);
    }
    errno = why;
  });
  return fd;
}

#define MODE mode_t mode = 0; if (flags & (O_CREAT | O_TMPFILE)) { \
  va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); }
int open(const char *name, int flags, ...) { MODE return opened(AT_FDCWD, name, flags, mode); }
int open64(const char *name, int flags, ...) { MODE return opened(AT_FDCWD, name, flags, mode); }
int openat(int dir, const char *name, int flags, ...) { MODE return opened(dir, name, flags, mode); }
int openat64(int dir, const char *name, int flags, ...) { MODE return opened(dir, name, flags, mode); }
int __open_2(const char *name, int flags) { return opened(AT_FDCWD, name, flags, 0); }
int __open64_2(const char *name, int flags) { return opened(AT_FDCWD, name, flags, 0); }

static ssize_t wrote(int fd, uint64_t file, const char *path, ssize_t count, off_t at, const void *data) {
  if (count > 0) put('w', file, at < 0 ? lseek(fd, 0, SEEK_CUR) - count : at, path, "", data, count);
  return count;
}

ssize_t write(int fd, const void *data, size_t bytes) {
  char path[PATH_MAX];
  uint64_t file = ours(fd, path);
  ssize_t count;
  if (!file) return syscall(SYS_write, fd, data, bytes);
  LOCKED(count = wrote(fd, file, path, syscall(SYS_write, fd, data, bytes), -1, data));
  return count;
}

ssize_t pwrite64(int fd, const void *data, size_t bytes, off64_t at) {
  char path[PATH_MAX];
  uint64_t file = ours(fd, path);
  ssize_t count;
  if (!file) return syscall(SYS_pwrite64, fd, data, bytes, at);
  LOCKED(count = wrote(fd, file, path, syscall(SYS_pwrite64, fd, data, bytes, at), at, data));
  return count;
}
ssize_t pwrite(int fd, const void *data, size_t bytes, off_t at) { return pwrite64(fd, data, bytes, at); }

static int sized(int fd, char kind, uint64_t file, const char *path, off64_t to, int failed) {
  (void)fd;
  if (!failed) put(kind, file, to, path, "", "", 0);
  return failed;
}

int ftruncate64(int fd, off64_t to) {
  char path[PATH_MAX];
  uint64_t file = ours(fd, path);
  int failed;
  if (!file) return syscall(SYS_ftruncate, fd, to);
  LOCKED(failed = sized(fd, 't', file, path, to, syscall(SYS_ftruncate, fd, to)));
  return failed;
}
int ftruncate(int fd, off_t to) { return ftruncate64(fd, to); }

int posix_fallocate64(int fd, off64_t at, off64_t bytes) {
  REAL(int, posix_fallocate64, int, off64_t, off64_t);
  char path[PATH_MAX];
  uint64_t file = ours(fd, path);
  int failed;
  if (!file) return real(fd, at, bytes);
  LOCKED(failed = sized(fd, 'x', file, path, at + bytes, real(fd, at, bytes)));
  return failed;
}
int posix_fallocate(int fd, off_t at, off_t bytes) { return posix_fallocate64(fd, at, bytes); }

static int has_to_fail(void) {
  struct stat about;
  if (stat(fails, &about)) return 0;
  return about.st_size > 1 ? !truncate(fails, about.st_size - 1) : !syscall(SYS_unlinkat, AT_FDCWD, fails, 0);
}

static int synced(int fd, long call) {
  char path[PATH_MAX];
  uint64_t file = ours(fd, path), number;
  if (!file) return syscall(call, fd);
  LOCKED(put('s', file, number = (uint64_t)getpid() << 32 | ++sync_count, path, "", "", 0));
  int is_log = ends_with(path, "-wal");
  for (int tries = 0; is_log && hangs && !access(hangs, F_OK) && tries < 30000; tries++) usleep(2000);
  if (is_log && fails && has_to_fail()) {
    /* As Linux does it: what was to be synced is in memory only now, and the next sync succeeds. */
    LOCKED(put('F', file, number, path, "", "", 0));
    errno = EIO;
    return -1;
  }
  int failed = syscall(call, fd);
  if (!failed) LOCKED(put('S', file, number, path, "", "", 0));
  return failed;
}
int fsync(int fd) { return synced(fd, SYS_fsync); }
int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }

static int named(char kind, int dir, const char *name, int to_dir, const char *to, long call, int flags) {
  char path[PATH_MAX] = "", other[PATH_MAX] = "";
  struct stat about = {0};
  int is_ours = placed(dir, name, path), failed;
  if (to) is_ours |= placed(to_dir, to, other);
  if (is_ours) pthread_mutex_lock(&lock);
  if (is_ours) fstatat(dir, name, &about, AT_SYMLINK_NOFOLLOW);
  failed = to ? syscall(call, dir, name, to_dir, to, flags) : syscall(call, dir, name, flags);
  if (is_ours && !failed) {
    if (kind == 'd') fstatat(dir, name, &about, AT_SYMLINK_NOFOLLOW);
    put(kind, about.st_ino, 0, path, other, "", 0);
  }
  if (is_ours) pthread_mutex_unlock(&lock);
  return failed;
}
int rename(const char *a, const char *b) { return named('r', AT_FDCWD, a, AT_FDCWD, b, SYS_renameat2, 0); }
int renameat(int d, const char *a, int e, const char *b) { return named('r', d, a, e, b, SYS_renameat2, 0); }
int link(const char *a, const char *b) { return named('l', AT_FDCWD, a, AT_FDCWD, b, SYS_linkat, 0); }
int linkat(int d, const char *a, int e, const char *b, int flags) { return named('l', d, a, e, b, SYS_linkat, flags); }
int unlink(const char *a) { return named('u', AT_FDCWD, a, 0, NULL, SYS_unlinkat, 0); }
int unlinkat(int d, const char *a, int flags) { return named('u', d, a, 0, NULL, SYS_unlinkat, flags); }
int rmdir(const char *a) { return named('u', AT_FDCWD, a, 0, NULL, SYS_unlinkat, AT_REMOVEDIR); }
int mkdir(const char *a, mode_t mode) { return named('d', AT_FDCWD, a, 0, NULL, SYS_mkdirat, mode); }

/* Ways to change a file that nobody here uses: a recording with one of them proves nothing. */
static void unknown(int fd, const char *what) {
  char path[PATH_MAX];
  if (fd >= 0 && ours(fd, path) && !ends_with(path, "-shm")) /* that is made anew after a crash */
    LOCKED(put('!', 0, 0, path, what, "", 0));
}
#define REFUSED(type, name, fd, params, ...) \
  type name params { REAL(type, name, __VA_ARGS__); unknown(fd, #name); return real
REFUSED(ssize_t, writev, fd, (int fd, const struct iovec *v, int n), int, const struct iovec *, int)(fd, v, n); }
REFUSED(ssize_t, pwritev, fd, (int fd, const struct iovec *v, int n, off_t at), int, const struct iovec *, int, off_t)(fd, v, n, at); }
REFUSED(ssize_t, pwritev2, fd, (int fd, const struct iovec *v, int n, off_t at, int f), int, const struct iovec *, int, off_t, int)(fd, v, n, at, f); }
REFUSED(ssize_t, sendfile, out, (int out, int in, off_t *at, size_t n), int, int, off_t *, size_t)(out, in, at, n); }
REFUSED(ssize_t, sendfile64, out, (int out, int in, off64_t *at, size_t n), int, int, off64_t *, size_t)(out, in, at, n); }
REFUSED(ssize_t, copy_file_range, out, (int in, off64_t *a, int out, off64_t *b, size_t n, unsigned f), int, off64_t *, int, off64_t *, size_t, unsigned)(in, a, out, b, n, f); }
REFUSED(int, fallocate64, fd, (int fd, int mode, off64_t at, off64_t n), int, int, off64_t, off64_t)(fd, mode, at, n); }
REFUSED(int, fallocate, fd, (int fd, int mode, off_t at, off_t n), int, int, off_t, off_t)(fd, mode, at, n); }
void *mmap64(void *a, size_t n, int prot, int flags, int fd, off64_t at) {
  if ((flags & MAP_SHARED) && (prot & PROT_WRITE)) unknown(fd, "mmap");
  return (void *)syscall(SYS_mmap, a, n, prot, flags, fd, at);
}
void *mmap(void *a, size_t n, int prot, int flags, int fd, off_t at) { return mmap64(a, n, prot, flags, fd, at); }
