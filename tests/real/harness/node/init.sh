# The first process inside the namespaces: makes the machine that a kubelet takes for its own, then runs the tests on it.
# Everything mounted, bridged or started here goes when this process goes, however it goes.
set -e
cgroup=$1
shift

# What containerd, runc, CNI and kubelet keep outside the folders that can be named to them.
for place in /run /var/log /var/lib/cni /var/lib/kubelet; do
  mkdir -p "$place"
  mount -t tmpfs tmpfs "$place"
done

# kubelet sets these to its liking, and they are the whole machine's: it gets files that look like them.
mkdir /run/sysctl
for key in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
  [ -e "/proc/sys/$key" ] || continue
  cat "/proc/sys/$key" >"/run/sysctl/${key##*/}"
  mount --bind "/run/sysctl/${key##*/}" "/proc/sys/$key"
done

# One cgroup above all pods, in each hierarchy there is: what is left of them can be told and removed.
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  mkdir -p "/sys/fs/cgroup/$cgroup"
  for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do
    echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control || true
  done
else
  for hierarchy in /sys/fs/cgroup/*/; do
    mkdir -p "$hierarchy$cgroup"
  done
fi

# Loopback for the servers, a bridge for the pods. The default route leads nowhere: kube-proxy turns Services' addresses into pods' on the way out.
ip link set lo up
ip link add cni0 type bridge
ip address add 10.88.0.1/16 dev cni0
ip link set cni0 up
ip route add default dev cni0

"$@"
