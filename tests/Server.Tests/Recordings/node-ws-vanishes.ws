ws-recording/2 role=server max=1048576,-,65536 text=checked rsv=4 lengths=shortest started=2026-11-26T03:29:01.2509972Z dropped=0 state=open
| +80962 @0 <419c.746865206669727374206f662074776f207061727473
| +81235 @34 <end
