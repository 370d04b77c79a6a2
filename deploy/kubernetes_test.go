package deploy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// objects are those of some files.
type objects struct {
	t            *testing.T
	workloads    []*core.PodTemplateSpec
	claims       []core.PersistentVolumeClaim
	selectors    []map[string]string // of workloads, services, policies and budgets
	services     map[string]*core.Service
	secrets      map[string]*core.Secret
	policies     []*networking.NetworkPolicy
	budgets      int
	statefulsets []*apps.StatefulSet
}

// load reads files as an API server does that takes no field it does not know.
func load(t *testing.T, files ...string) *objects {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{apps.AddToScheme, core.AddToScheme, networking.AddToScheme, policy.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	o := &objects{t: t, services: make(map[string]*core.Service), secrets: make(map[string]*core.Secret)}
	for _, file := range files {
		documents := yaml.NewDocumentDecoder(io.NopCloser(bytes.NewReader([]byte(readFile(t, filepath.Join("kubernetes", file))))))
		for {
			document := make([]byte, 1<<20)
			n, err := documents.Read(document)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			object, _, err := decoder.Decode(document[:n], nil, nil)
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			o.add(object)
		}
	}
	return o
}

func (o *objects) add(object runtime.Object) {
	switch x := object.(type) {
	case *apps.StatefulSet:
		o.statefulsets = append(o.statefulsets, x)
		o.workloads = append(o.workloads, &x.Spec.Template)
		o.claims = append(o.claims, x.Spec.VolumeClaimTemplates...)
		o.selectors = append(o.selectors, x.Spec.Selector.MatchLabels)
	case *apps.DaemonSet:
		o.workloads = append(o.workloads, &x.Spec.Template)
		o.selectors = append(o.selectors, x.Spec.Selector.MatchLabels)
	case *core.Service:
		o.services[x.Name] = x
		o.selectors = append(o.selectors, x.Spec.Selector)
	case *core.Secret:
		o.secrets[x.Name] = x
	case *networking.NetworkPolicy:
		o.policies = append(o.policies, x)
		o.selectors = append(o.selectors, x.Spec.PodSelector.MatchLabels)
	case *policy.PodDisruptionBudget:
		o.budgets++
		o.selectors = append(o.selectors, x.Spec.Selector.MatchLabels)
	default:
		o.t.Errorf("what is a %T for?", object)
	}
}

func (o *objects) container() (*core.PodSpec, *core.Container) {
	o.t.Helper()
	if len(o.workloads) != 1 || len(o.workloads[0].Spec.Containers) != 1 {
		o.t.Fatalf("%d workloads", len(o.workloads))
	}
	pod := &o.workloads[0].Spec
	return pod, &pod.Containers[0]
}

func both(t *testing.T, f func(t *testing.T, o *objects)) {
	for _, file := range []string{"statefulset.yaml", "daemonset.yaml"} {
		t.Run(file, func(t *testing.T) { f(t, load(t, "common.yaml", file)) })
	}
}

// A field that is misspelt is found: otherwise the other tests say little.
func TestDecodingIsStrict(t *testing.T) {
	good := readFile(t, "kubernetes/daemonset.yaml")
	for _, typo := range [][2]string{{"fsGroup:", "fsgroup:"}, {"defaultMode:", "mode:"}, {"kind: DaemonSet", "kind: Daemonset"}} {
		bad := strings.Replace(good, typo[0], typo[1], 1)
		if bad == good {
			t.Fatalf("there is no %q", typo[0])
		}
		scheme := runtime.NewScheme()
		if err := errors.Join(apps.AddToScheme(scheme), core.AddToScheme(scheme)); err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(bad, "\n---\n")
		decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
		if _, _, err := decoder.Decode([]byte(first), nil, nil); err == nil {
			t.Errorf("%q is taken", typo[1])
		}
	}
}

// Whatever selects pods selects the agents.
func TestSelectorsSelectTheAgents(t *testing.T) {
	both(t, func(t *testing.T, o *objects) {
		labels := o.workloads[0].Labels
		for _, s := range o.selectors {
			for key, value := range s {
				if labels[key] != value {
					t.Errorf("%v does not select pods with %v", s, labels)
				}
			}
			if len(s) == 0 {
				t.Error("a selector selects everything")
			}
		}
	})
}

// The arguments are those of an agent; addresses, ports and files are those that the
// other objects have.
func TestArgumentsFitTheObjects(t *testing.T) {
	both(t, func(t *testing.T, o *objects) {
		pod, c := o.container()
		env, replace := variables(t, c)
		var args []string
		flags := make(map[string]string)
		for _, a := range c.Args {
			a = replace.Replace(a)
			args = append(args, a)
			name, value, _ := strings.Cut(a, "=")
			flags[name] = value
		}
		printed := accepts(t, args, env...)
		for _, want := range []string{"\nlisten = '10.1.2.3:7946'\n", "\ndiscover = ['dns:gossip-peers:7946']\n", "\nhttp-token = '/run/gossip/token'\n"} {
			if !strings.Contains(printed, want) {
				t.Errorf("there is no %q in\n%s", want, printed)
			}
		}
		peers := o.services[strings.Split(flags["--discover"], ":")[1]]
		if peers == nil || peers.Spec.ClusterIP != core.ClusterIPNone || !peers.Spec.PublishNotReadyAddresses {
			t.Errorf("--discover=%s is no headless service that tells of all pods", flags["--discover"])
		}
		ports := make(map[string]core.ContainerPort)
		for _, p := range c.Ports {
			ports[p.Name] = p
		}
		for flag, names := range map[string][]string{"--listen": {"gossip-udp", "gossip-tcp"}, "--http": {"http"}} {
			for _, name := range names {
				if want := fmt.Sprint(":", ports[name].ContainerPort); !strings.HasSuffix(flags[flag], want) {
					t.Errorf("%s=%s, but the port %s is %s", flag, flags[flag], name, want)
				}
			}
		}
		for _, s := range o.services {
			for _, p := range s.Spec.Ports {
				if target := ports[p.TargetPort.StrVal]; target.ContainerPort != p.Port || target.Protocol != p.Protocol {
					t.Errorf("service %s: %v leads to %v", s.Name, p, target)
				}
			}
		}
		for name, probe := range map[string]*core.Probe{"startup": c.StartupProbe, "liveness": c.LivenessProbe, "readiness": c.ReadinessProbe} {
			if probe == nil || ports[probe.HTTPGet.Port.StrVal].ContainerPort == 0 {
				t.Errorf("the %s probe asks nobody", name)
			}
		}
		if c.LivenessProbe.HTTPGet.Path != "/healthz" || c.ReadinessProbe.HTTPGet.Path != "/readyz" {
			t.Error("a probe that asks /readyz whether an agent lives kills it when it is alone")
		}
		o.files(pod, c, flags)
		for _, s := range o.statefulsets {
			if s.Spec.ServiceName != peers.Name || s.Spec.PodManagementPolicy != apps.ParallelPodManagement {
				t.Error("the first pod of a set that starts in order waits for ever for a second one")
			}
		}
	})
}

// variables are those of a container, as a kubelet would set them.
func variables(t *testing.T, c *core.Container) (env []string, replace *strings.Replacer) {
	fields := map[string]string{"metadata.name": "gossip-0", "spec.nodeName": "node-7", "metadata.namespace": "default", "status.podIP": "10.1.2.3"}
	var pairs []string
	for _, e := range c.Env {
		value := e.Value
		if e.ValueFrom != nil {
			if value = fields[e.ValueFrom.FieldRef.FieldPath]; value == "" {
				t.Errorf("%s is of an unknown field", e.Name)
			}
		}
		env = append(env, e.Name+"="+value)
		pairs = append(pairs, "$("+e.Name+")", value)
	}
	return env, strings.NewReplacer(pairs...)
}

// files checks that what flags name is mounted, and secrets such that an agent takes them.
func (o *objects) files(pod *core.PodSpec, c *core.Container, flags map[string]string) {
	volumes := make(map[string]*core.Volume)
	for i := range pod.Volumes {
		volumes[pod.Volumes[i].Name] = &pod.Volumes[i]
	}
	for i := range o.claims {
		volumes[o.claims[i].Name] = &core.Volume{}
	}
	mounted := make(map[string]*core.Volume)
	for _, m := range c.VolumeMounts {
		if mounted[m.MountPath] = volumes[m.Name]; volumes[m.Name] == nil {
			o.t.Errorf("there is no volume %s", m.Name)
		}
	}
	if mounted[flags["--data-dir"]] == nil {
		o.t.Errorf("nothing is mounted at --data-dir=%s, and the root is read-only", flags["--data-dir"])
	}
	for _, flag := range []string{"--keyring", "--http-token"} {
		v := mounted[filepath.Dir(flags[flag])]
		if v == nil || v.Secret == nil {
			o.t.Errorf("%s=%s is of no secret", flag, flags[flag])
			continue
		}
		if mode := *v.Secret.DefaultMode; mode&0o007 != 0 || mode&0o040 == 0 || pod.SecurityContext.FSGroup == nil {
			o.t.Errorf("%s has the mode %#o: others must not read it, and the agent's group must", flag, mode)
		}
		i := slices.IndexFunc(v.Secret.Items, func(k core.KeyToPath) bool { return k.Path == filepath.Base(flags[flag]) })
		if i < 0 || o.secrets[v.Secret.SecretName].StringData[v.Secret.Items[i].Key] == "" {
			o.t.Errorf("%s=%s is not in the secret %s", flag, flags[flag], v.Secret.SecretName)
		}
	}
}

// The secret that is here to be replaced is none: an agent does not start with it.
func TestThePlaceholderIsNoKey(t *testing.T) {
	text := load(t, "common.yaml").secrets["gossip"].StringData["keyring"]
	file := filepath.Join(t.TempDir(), "keyring")
	writeFile(t, file, text, 0o600)
	if out, err := commandOutput(t, "keys", "list", file); err == nil {
		t.Errorf("the command takes it:\n%s", out)
	}
}

// The pod has no rights that it does not need.
func TestPodsMayDoLittle(t *testing.T) {
	both(t, func(t *testing.T, o *objects) {
		pod, c := o.container()
		if s := pod.SecurityContext; !*s.RunAsNonRoot || *s.RunAsUser == 0 || s.SeccompProfile.Type != core.SeccompProfileTypeRuntimeDefault {
			t.Errorf("%+v", s)
		}
		if s := c.SecurityContext; *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem || !slices.Equal(s.Capabilities.Drop, []core.Capability{"ALL"}) {
			t.Errorf("%+v", s)
		}
		if *pod.AutomountServiceAccountToken || pod.HostNetwork || pod.HostPID {
			t.Error("it may talk to the API server, or sees its host")
		}
		if user := fmt.Sprintf("%d:%d", *pod.SecurityContext.RunAsUser, *pod.SecurityContext.RunAsGroup); user != instructions("USER")[0] {
			t.Errorf("it runs as %s, and the image's files are of %s", user, instructions("USER")[0])
		}
	})
}

// The network policy lets agents reach each other, both ways, and ask the DNS; both ways
// of running have what the other one has not.
func TestPolicyAndBudget(t *testing.T) {
	o := load(t, "common.yaml", "statefulset.yaml")
	if len(o.policies) != 1 || o.budgets != 1 {
		t.Fatalf("%d policies, %d budgets", len(o.policies), o.budgets)
	}
	p := o.policies[0].Spec
	in, out := make(map[string]bool), make(map[string]bool)
	for _, rule := range p.Ingress {
		for _, port := range rule.Ports {
			in[fmt.Sprint(*port.Protocol, port.Port.IntVal)] = len(rule.From) > 0
		}
	}
	for _, rule := range p.Egress {
		for _, port := range rule.Ports {
			out[fmt.Sprint(*port.Protocol, port.Port.IntVal)] = len(rule.To) > 0
		}
	}
	wantIn := map[string]bool{"UDP7946": true, "TCP7946": true, "TCP7980": true}
	wantOut := map[string]bool{"UDP7946": true, "TCP7946": true, "UDP53": true, "TCP53": true}
	if !maps.Equal(in, wantIn) || !maps.Equal(out, wantOut) {
		t.Errorf("in %v, out %v; want %v, %v", in, out, wantIn, wantOut)
	}
}

func commandOutput(t *testing.T, args ...string) (string, error) {
	out, err := newCommand(t, args...).CombinedOutput()
	return string(out), err
}

func init() { // what a test's own shell has set is not for the commands that it runs
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "GOSSIP_") && name != "GOSSIP_TOOLS" && name != "GOSSIP_SYSTEMD" {
			os.Unsetenv(name)
		}
	}
}
