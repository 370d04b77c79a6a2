package experiment

import (
	"fmt"

	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
)

// protocol is a point of the papers' spaces, for any view size.
type protocol struct {
	name   string
	policy func(c int) peersampling.Policy
	style  Style
	drops  bool // a descriptor goes when the exchange with it fails: Config.DropDead
}

// by07 are the protocols of TOCS 2007: peer selection rand or tail, and the three
// extremes of its view selection (section 2.3).
func by07(propagation peersampling.Propagation) []protocol {
	var ps []protocol
	for _, peer := range []peersampling.Selection{peersampling.Random, peersampling.Tail} {
		for _, view := range []struct {
			name   string
			preset func(c int) peersampling.Policy
			style  Style
		}{
			{"blind", peersampling.Blind, Style{Colour: Blue, Marker: Circle}},
			{"healer", peersampling.Healer, Style{Colour: Vermillion, Marker: Triangle}},
			{"swapper", peersampling.Swapper, Style{Colour: Green, Marker: Square}},
		} {
			ps = append(ps, protocol{
				name: fmt.Sprintf("(%v,%s,%v)", peer, view.name, propagation),
				policy: func(c int) peersampling.Policy {
					p := view.preset(c)
					p.Peer, p.Propagation = peer, propagation
					return p
				},
				style: dashIf(view.style, peer == peersampling.Tail),
			})
		}
	}
	return ps
}

// by04 are the protocols of Middleware 2004 that it studies after having ruled
// out the others (section 4): peer selection rand or tail, view selection head or
// rand.
func by04(propagation peersampling.Propagation) []protocol {
	var ps []protocol
	for _, peer := range []peersampling.Selection{peersampling.Random, peersampling.Tail} {
		ps = append(ps,
			byHops(peer, peersampling.Head, propagation, dashIf(Style{Colour: Purple, Marker: Diamond}, peer == peersampling.Tail)),
			byHops(peer, peersampling.Random, propagation, dashIf(Style{Colour: Orange, Marker: Cross}, peer == peersampling.Tail)))
	}
	return ps
}

// byHops is any point of the space of 2004.
func byHops(peer, view peersampling.Selection, propagation peersampling.Propagation, style Style) protocol {
	return protocol{
		name: fmt.Sprintf("(%v,%v,%v)", peer, view, propagation),
		policy: func(c int) peersampling.Policy {
			return peersampling.Policy{Peer: peer, View: view, Propagation: propagation, C: c}
		},
		style: style,
	}
}

// cyclon is the shuffle of Voulgaris et al. 2005. That it forgets a peer that
// does not answer is part of it.
var cyclon = protocol{name: "cyclon", policy: peersampling.Cyclon, style: Style{Colour: Black, Marker: Plus}, drops: true}

func dashIf(s Style, dashed bool) Style {
	if dashed {
		s.Line, s.Open = Dashed, true
	}
	return s
}

// Baselines are drawn grey and without markers.
var baseline = Style{Colour: Grey, Line: Dotted}

const randomGraph = "random graph"

func names(ps []protocol) []string {
	var list []string
	for _, p := range ps {
		list = append(list, p.name)
	}
	return list
}
