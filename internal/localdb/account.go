package localdb

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is whom the servers run as: PostgreSQL refuses to run as root.
// The zero value is the user of this process.
type account struct {
	uid, gid int
	drop     bool
}

func unprivileged() (account, error) {
	if os.Geteuid() != 0 {
		return account{uid: os.Geteuid(), gid: os.Getegid()}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err1 == nil && err2 == nil && uid != 0 {
			return account{uid: uid, gid: gid, drop: true}, nil
		}
	}
	return account{}, fmt.Errorf("running as root, and there is neither a user postgres nor nobody to run the private servers as")
}

// makeDir makes a directory that only the account (and root) can enter.
func (a account) makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if !a.drop {
		return nil
	}
	return os.Chown(dir, a.uid, a.gid)
}

// prepare sets the user and the place of a command.
func (a account) prepare(cmd *exec.Cmd, dir string) {
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "HOME="+dir)
	// A group of its own: Ctrl-C in the terminal is for us, who drain first.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if !a.drop {
		return
	}
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	if !a.reaches(dir) {
		// The directory lies below one that only root may enter, such as
		// /root. CAP_DAC_OVERRIDE (1) lets the server reach its own files; it
		// takes hold at exec, so not for the change of directory before.
		cmd.SysProcAttr.AmbientCaps = []uintptr{1}
		cmd.Dir = "/"
	}
}

// reaches reports whether the account may enter every directory on the way.
func (a account) reaches(dir string) bool {
	for {
		info, err := os.Stat(dir)
		if err != nil {
			return false
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			return false
		}
		bit := os.FileMode(0o001)
		switch {
		case int(st.Uid) == a.uid:
			bit = 0o100
		case int(st.Gid) == a.gid:
			bit = 0o010
		}
		if info.Mode()&bit == 0 {
			return false
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return true
		}
		dir = parent
	}
}
