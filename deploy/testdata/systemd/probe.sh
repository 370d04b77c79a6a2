# What an operator does, and sees, under the systemd of boot.sh. The test reads the lines.
api() { gossip "$@" --api unix:/run/gossip/api.sock; }
pid() { systemctl show -p MainPID --value gossip; }
# Until the agent of a process serves: it has no other way of saying so.
serves() { n=0; until api stats > /dev/null 2>&1 || [ $n = 100 ]; do n=$((n+1)); sleep .1; done; }

systemctl start gossip && echo started
serves
stat -c '%n %A %U' /run/gossip/api.sock /var/lib/private/gossip/node.db /run/credentials/gossip.service/keyring
grep -e NoNewPrivs -e Seccomp: -e CapBnd /proc/$(pid)/status | tr '\t' ' '
api send hello > /dev/null && echo sent
systemctl reload gossip && echo reloaded
before=$(pid)
systemctl kill -s KILL gossip
while [ "$(pid)" = "$before" ] || [ "$(pid)" = 0 ]; do sleep .1; done
serves
api stats | grep restored
systemctl stop gossip && systemctl show -p Result gossip

# Keys that change without a restart, and metrics with a token.
echo 'gossip-keys:x:977:' >> /etc/group
chown root:gossip-keys /etc/gossip/keyring
chmod 640 /etc/gossip/keyring
(umask 077; head -c 32 /dev/urandom | base64 > /etc/gossip/token)
cp /shared/systemd/gossip.service.d/*.conf /etc/systemd/system/gossip.service.d/
systemctl daemon-reload
systemctl start gossip && echo started with drop-ins
with() { gossip "$@" --api 127.0.0.1:7980 --api-token /etc/gossip/token; }
n=0; until with stats > /dev/null 2>&1 || [ $n = 100 ]; do n=$((n+1)); sleep .1; done
gossip keys new >> /etc/gossip/keyring
systemctl reload gossip
n=0; until grep -q 'keyring has changed.*keys=2' /shared/agent.log || [ $n = 100 ]; do n=$((n+1)); sleep .1; done
grep -o 'keyring has changed.*keys=2' /shared/agent.log | tr '"' ' ' | cut -d' ' -f1-3
gossip stats --api 127.0.0.1:7980 > /dev/null 2>&1 || echo refused without a token
systemctl stop gossip && systemctl show -p Result gossip
echo done
