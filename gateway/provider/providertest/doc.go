// Package providertest plays recorded exchanges against vendor adapters. A
// transcript is a text file of sections:
//
//	-- model --            the vendor's model, vendor-model if left out
//	-- client request --   what the client sends
//	-- vendor request --   what the vendor must get: method, address, body
//	-- vendor answer --    what the vendor sends, with status 200
//	-- client answer --    what the client must get, to the last byte of a stream
//	-- facts --            what the gateway must know of it: usage, finish, error
//
// "-- vendor answer, crlf --" ends its lines in CRLF; "..., torn --" loses its last
// line end. "..., frames --" has a frame of application/vnd.amazon.eventstream for each line, an event or, behind "!", an
// exception with its payload; "..., frames torn --" lacks its last bytes. Every stream is played whole, by single bytes and by halves, and must
// come out the same. With -update the expected sections are written anew.
package providertest
