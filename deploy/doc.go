// Package deploy checks the files beside it, by which agents are run: units of systemd,
// a Dockerfile, objects of Kubernetes, alerts and a dashboard. It is a module of its own
// for the sake of Kubernetes' types, and builds the command to hold the files to it.
package deploy
