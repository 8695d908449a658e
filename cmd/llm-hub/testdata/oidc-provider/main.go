// Command oidc-provider is a provider of OpenID Connect for tests: the certified library
// of Zitadel with the storage of its example, people of our own, and groups that a test
// may change while it runs.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
)

func main() {
	client := flag.String("client", "hub", "id of the client")
	secret := flag.String("secret", "", "its secret")
	redirect := flag.String("redirect", "", "where its browsers come back to")
	password := flag.String("password", "", "of everybody")
	flag.Parse()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	issuer := "http://" + l.Addr().String() + "/"
	storage.RegisterClients(storage.WebClient(*client, *secret, *redirect))
	people := &people{password: *password, groups: map[string][]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /_test/groups", people.setGroups)
	mux.Handle("/", exampleop.SetupServer(issuer, &store{storage.NewStorage(people), people}, nil, false))
	fmt.Println("oidc-provider listening on " + issuer)
	log.Fatal(http.Serve(l, mux))
}

// people are everybody: whoever knows the password is the person they say. The address
// of somebody whose name begins with "un" is not verified.
type people struct {
	password string

	mu     sync.Mutex
	groups map[string][]string // by name
}

func (p *people) GetUserByUsername(name string) *storage.User {
	return &storage.User{
		ID: "id-" + name, Username: name, Password: p.password, FirstName: strings.ToUpper(name[:1]) + name[1:], LastName: "Doe",
		Email: name + "@acme.test", EmailVerified: !strings.HasPrefix(name, "un"),
	}
}

func (p *people) GetUserByID(id string) *storage.User {
	return p.GetUserByUsername(strings.TrimPrefix(id, "id-"))
}

func (p *people) ExampleClientID() string { return storage.ServiceUserID }

func (p *people) setGroups(_ http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.groups[r.FormValue("name")] = strings.Fields(r.FormValue("groups"))
}

// store tells the groups, too.
type store struct {
	*storage.Storage
	people *people
}

func (s *store) SetUserinfoFromToken(ctx context.Context, info *oidc.UserInfo, tokenID, subject, origin string) error {
	s.people.mu.Lock()
	defer s.people.mu.Unlock()
	info.AppendClaims("groups", s.people.groups[strings.TrimPrefix(subject, "id-")])
	return s.Storage.SetUserinfoFromToken(ctx, info, tokenID, subject, origin)
}
