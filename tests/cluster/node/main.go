// One program that is every part of a node and of its control plane, chosen by the first argument.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

var parts = map[string]func() *cobra.Command{
	"apiserver":          apiserver.NewAPIServerCommand,
	"controller-manager": controllermanager.NewControllerManagerCommand,
	"scheduler":          func() *cobra.Command { return scheduler.NewSchedulerCommand() },
	"kubelet":            kubelet.NewKubeletCommand,
	"proxy":              proxy.NewProxyCommand,
	"etcd":               etcd,
}

// etcd takes the path of etcd's own configuration file.
func etcd() *cobra.Command {
	return &cobra.Command{
		Use:           "etcd FILE",
		Args:          cobra.ExactArgs(1),
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(_ *cobra.Command, args []string) error {
			config, err := embed.ConfigFromFile(args[0])
			if err != nil {
				return err
			}
			server, err := embed.StartEtcd(config)
			if err != nil {
				return err
			}
			defer server.Close()
			asked := make(chan os.Signal, 1)
			signal.Notify(asked, syscall.SIGTERM, syscall.SIGINT)
			select {
			case <-asked:
				return nil
			case err := <-server.Err():
				return err
			}
		},
	}
}

func main() {
	var make func() *cobra.Command
	if len(os.Args) > 1 {
		make = parts[os.Args[1]]
	}
	if make == nil {
		fmt.Fprintln(os.Stderr, "usage: node apiserver|controller-manager|scheduler|kubelet|proxy|etcd ARGUMENTS")
		os.Exit(2)
	}
	os.Args = os.Args[1:]
	os.Exit(cli.Run(make()))
}
