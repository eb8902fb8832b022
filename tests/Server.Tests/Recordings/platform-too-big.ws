ws-recording/2 role=server max=100,-,65536 text=checked rsv=0 lengths=shortest started=2026-11-26T03:28:57.1533787Z dropped=0 state=open
| +2599 @0 <81e5..cut
| +18420 @0 <end
