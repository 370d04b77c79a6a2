package deploy

import (
	"bufio"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The unit and its drop-ins are well-formed, for a command that is there.
func TestUnitsAreWellFormed(t *testing.T) {
	analyze := tool(t, "systemd-analyze", "systemd")
	dropins, err := filepath.Glob("systemd/gossip.service.d/*.conf")
	if err != nil || len(dropins) == 0 {
		t.Fatal("no drop-ins, ", err)
	}
	unit := strings.ReplaceAll(readFile(t, "systemd/gossip.service"), "/usr/local/bin/gossip", binary)
	for _, dropin := range append([]string{""}, dropins...) {
		dir := t.TempDir()
		file := filepath.Join(dir, "gossip.service")
		writeFile(t, file, unit, 0o644)
		if dropin != "" {
			if err := os.Mkdir(file+".d", 0o755); err != nil {
				t.Fatal(err)
			}
			writeFile(t, filepath.Join(file+".d", filepath.Base(dropin)), readFile(t, dropin), 0o644)
		}
		if out := run(t, analyze, "verify", "--man=no", file); out != "" {
			t.Errorf("with %q: %s", dropin, out)
		}
	}
}

// How much a unit may do, as systemd counts: 10 is everything.
func TestTheUnitMayDoLittle(t *testing.T) {
	analyze := tool(t, "systemd-analyze", "systemd")
	out := run(t, analyze, "security", "--offline=true", "--no-pager", "systemd/gossip.service")
	level := regexp.MustCompile(`Overall exposure level for gossip.service: ([0-9.]+)`).FindStringSubmatch(out)
	if level == nil {
		t.Fatal(out)
	}
	if n, err := strconv.ParseFloat(level[1], 64); err != nil || n > 1.5 {
		t.Errorf("its exposure level is %s, want at most 1.5\n%s", level[1], out)
	}
}

// What the unit and its drop-ins set is what an agent knows, and the file that it names
// says what an agent understands.
func TestTheUnitsSettingsAreTheAgents(t *testing.T) {
	var all []string
	for _, file := range []string{"gossip.service", "gossip.service.d/live-keys.conf", "gossip.service.d/metrics.conf"} {
		all = append(all, settings(readFile(t, filepath.Join("systemd", file)), "Environment")...)
	}
	place := strings.NewReplacer("%S", "/var/lib", "%t", "/run", "%d", "/run/credentials/gossip.service")
	var env []string
	for _, v := range all {
		env = append(env, place.Replace(v))
	}
	printed := accepts(t, []string{"agent", "--config", "systemd/agent.toml"}, env...)
	for _, v := range env {
		name, value, _ := strings.Cut(v, "=")
		flag, ours := strings.CutPrefix(name, "GOSSIP_")
		if !ours || name == "GOSSIP_KEYRING" || name == "GOSSIP_HTTP" { // which are set again
			continue
		}
		want := strings.ToLower(strings.ReplaceAll(flag, "_", "-")) + " = '" + value + "'\n"
		if !strings.Contains(printed, "\n"+want) {
			t.Errorf("%s: nothing of %q in\n%s", v, want, printed)
		}
	}
	for _, want := range []string{"\nlisten = '0.0.0.0:7946'\n", "\nkeyring = '/etc/gossip/keyring'\n", "\nhttp = ':7980'\n"} {
		if !strings.Contains(printed, want) {
			t.Errorf("nothing of %q in\n%s", want, printed)
		}
	}
}

// settings are the values of a key, without what an empty one has taken back.
func settings(unit, key string) (values []string) {
	for lines := bufio.NewScanner(strings.NewReader(unit)); lines.Scan(); {
		if value, found := strings.CutPrefix(lines.Text(), key+"="); found {
			values = append(values, value)
		}
	}
	return values
}

// There is time to leave before systemd kills.
func TestTimeToLeave(t *testing.T) {
	leave := regexp.MustCompile(`const leaveTimeout = (\d+) \* time.Second`).FindStringSubmatch(readFile(t, "../cmd/gossip/session.go"))
	stop := settings(readFile(t, "systemd/gossip.service"), "TimeoutStopSec")
	if leave == nil || len(stop) != 1 {
		t.Fatalf("%q and %q", leave, stop)
	}
	needs, _ := strconv.Atoi(leave[1])
	has, err := strconv.Atoi(strings.TrimSuffix(stop[0], "s"))
	if err != nil || has < needs+10 {
		t.Errorf("an agent leaves within %d s and has %s until it is killed; the disk needs some too", needs, stop[0])
	}
}
