// What is done to messages of Mailman 3: renames below its spool, which are whole or not at all, each written down in
// a manifest beside them. One process of Python for any number of messages, since Mailman itself is Python; the text
// is fixed, what it is told comes on stdin as JSON, a line a message. Nothing here reads a pickle, except `requeue`,
// which runs Mailman's own code as Mailman's own user, as `mailman unshunt` does for all of them.
import { HELD_DIR, MAILMAN_PLACES, SAVED_DIR } from './queue-dir-script.js';

// $1 act, then for delete and restore: run, expires, most bytes. Prints a line of JSON for each id, and one at the end;
// or `full HAVE MORE MOST` and nothing is done.
const MOVES = String.raw`
import json, os, re, shutil, sys, time
act, run, expires, most = (sys.argv[1:] + ["", "", "", ""])[:4]
HELD, SAVED = "${HELD_DIR}", "${SAVED_DIR}"
ENDINGS = (".pck", ".bak", ".psv")
def say(**words):
    sys.stdout.write(json.dumps(words) + "\n")
def private(path):
    os.makedirs(path, mode=0o700, exist_ok=True)
    if os.path.islink(path) or not os.path.isdir(path):
        raise OSError("%s is no directory of ours" % path)
def sync(path):
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
manifest = None
def note(top, text):
    global manifest
    if manifest is None:
        manifest = open(os.path.join(top, "manifest"), "a", encoding="utf-8", errors="surrogateescape")
    manifest.write("%s %s\n" % (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), text))
def names(folder, name):
    whole = name.endswith(ENDINGS)
    return [os.path.join(folder, name)] if whole else [os.path.join(folder, name + e) for e in ENDINGS]
def find(top, folder, name):
    for path in names(os.path.join(top, folder), name):
        if os.path.lexists(path):
            return path
    return None
def move(source, target):
    if os.path.lexists(target):
        raise OSError("%s is there already" % target)
    os.rename(source, target)
def size(path):
    return sum(os.lstat(os.path.join(d, f)).st_size for d, _, fs in os.walk(path) for f in fs)
ids = []
for line in sys.stdin:
    try:
        one = json.loads(line)
    except ValueError:
        sys.exit(65)
    folder, _, name = one.partition("/")
    good = re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,63}", folder) and 0 < len(name) <= 255
    if not good or "/" in name or name in (".", "..") or any(ord(c) < 32 or ord(c) == 127 for c in name):
        sys.exit(65)
    ids.append((one, folder, name))
def parked(folder, name):
    return find(HELD, folder, name)
def place(folder, name):
    return find(".", folder, name)
def hold(folder, name):
    if parked(folder, name):
        return "already"
    path = place(folder, name)
    if path is None:
        return "gone"
    if path.endswith(".bak"):
        raise OSError("its runner works on it at this moment")
    if folder == "bad":
        raise OSError("no runner takes what is in bad: there is nothing to hold")
    private(HELD); private(os.path.join(HELD, folder))
    note(HELD, "hold " + path)
    move(path, os.path.join(HELD, folder, os.path.basename(path)))
def release(folder, name):
    path = parked(folder, name)
    if path is None:
        return "already" if place(folder, name) else "gone"
    note(HELD, "release " + path)
    move(path, os.path.join(folder, os.path.basename(path)))
def flush(folder, name):
    path = place(folder, name)
    if path is None:
        return "gone"
    if folder != "retry":
        raise OSError("only what waits in retry can be tried at once; its runner takes the rest as it comes")
    if path.endswith(".bak"):
        return "already"
    move(path, os.path.join("out", os.path.basename(path)))
def delete(folder, name):
    path = place(folder, name) or parked(folder, name)
    top = os.path.join(SAVED, run)
    if path is None:
        saved = find(top, folder, name) or find(os.path.join(top, HELD), folder, name)
        return "already" if saved else "gone"
    if path.endswith(".bak"):
        raise OSError("its runner works on it at this moment")
    target = os.path.join(top, os.path.normpath(path))
    os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
    note(top, "delete " + path)
    move(path, target)
def restore(folder, name):
    for one in ([run] if run else sorted(os.listdir(SAVED))):
        for below in (folder, os.path.join(HELD, folder)):
            path = find(os.path.join(SAVED, one), below, name)
            if path is not None:
                if below != folder:
                    private(HELD); private(os.path.join(HELD, folder))
                move(path, os.path.join(below, os.path.basename(path)))
                return None
    return "already" if place(folder, name) or parked(folder, name) else "gone"
forgotten = []
def expire():
    for one in os.listdir(SAVED) if os.path.isdir(SAVED) else []:
        path = os.path.join(SAVED, one)
        try:
            with open(os.path.join(path, "expires"), encoding="ascii") as f:
                until = int(f.read())
        except (OSError, ValueError):
            continue
        if until < time.time() and not os.path.islink(path):
            count = sum(f.endswith(ENDINGS) for _, _, fs in os.walk(path) for f in fs)
            shutil.rmtree(path, ignore_errors=True)
            forgotten.append(count)
if act in ("delete", "expire"):
    expire()
if act == "expire":
    say(changed=sum(forgotten)); sys.exit(0)
if act == "delete":
    found = [place(f, n) or parked(f, n) for _, f, n in ids]
    have = size(SAVED) if os.path.isdir(SAVED) else 0
    need = sum(os.lstat(p).st_size for p in found if p)
    if have + need > int(most):
        print("full %d %d %d" % (have, need, int(most))); sys.stdout.flush()
        sys.exit(3)
    private(SAVED); private(os.path.join(SAVED, run))
    with open(os.path.join(SAVED, run, "expires"), "w", encoding="ascii") as f:
        f.write("%d\n" % int(expires)); f.flush(); os.fsync(f.fileno())
does = {"hold": hold, "release": release, "flush": flush, "delete": delete, "restore": restore}[act]
changed, touched = 0, set()
for one, folder, name in ids:
    try:
        what = does(folder, name)
    except FileNotFoundError:
        what = "gone"
    except OSError as error:
        say(id=one, failed=str(error)); continue
    if what == "gone":
        say(id=one, gone=True)
    elif what is None:
        changed += 1; touched.add(folder)
if manifest is not None:
    manifest.flush(); os.fsync(manifest.fileno())
for folder in touched:
    for path in (folder, os.path.join(HELD, folder), "out"):
        if os.path.isdir(path):
            sync(path)
def waiting(folder):
    return sum(1 for f in os.listdir(folder) if f.endswith((".pck", ".bak")))
say(changed=changed, waiting=waiting("out"))
`;

// What `mailman unshunt` does, for the messages that are named: back into the queue that they failed in.
const UNSHUNT = String.raw`
import json, os, sys
from mailman.core.initialize import initialize
initialize(sys.argv[1] or None)
from mailman.config import config
shunt = config.switchboards["shunt"]
changed = 0
for line in sys.stdin:
    one = json.loads(line)
    stem = one.partition("/")[2]
    path = os.path.join(shunt.queue_directory, stem + ".pck")
    try:
        if not one.startswith("shunt/") or "/" in stem:
            raise ValueError("only what is in shunt can be requeued")
        if not os.path.exists(path):
            sys.stdout.write(json.dumps({"id": one, "gone": True}) + "\n"); continue
        try:
            message, data = shunt.dequeue(stem)
            config.switchboards[data.get("whichq", "in")].enqueue(message, data)
        except Exception:
            back = os.path.join(shunt.queue_directory, stem + ".bak")
            if os.path.exists(back):
                os.rename(back, path)
            raise
        shunt.finish(stem)
        changed += 1
    except Exception as error:
        sys.stdout.write(json.dumps({"id": one, "failed": "%s: %s" % (type(error).__name__, error)}) + "\n")
sys.stdout.write(json.dumps({"changed": changed}) + "\n")
`;

/** $1 the act, $2 the run, $3 epoch seconds, $4 bytes; ids on stdin, a line of JSON text each. */
export const ACT_SCRIPT = `${MAILMAN_PLACES}
enter_queues
umask 077
python=$(command -v python3 || python_of_mailman) || { echo 'there is no python3' >&2; exit 69; }
exec "$python" -I -c '${MOVES}' "$@"
`;

export const REQUEUE_SCRIPT = `${MAILMAN_PLACES}
enter_queues
python=$(python_of_mailman) || { echo 'there is no mailman on PATH, whose Python it takes' >&2; exit 69; }
config=$(config_file)
as_owner "$python" -c '${UNSHUNT}' "$config"
`;
