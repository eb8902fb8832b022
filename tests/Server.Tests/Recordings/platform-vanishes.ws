ws-recording/2 role=server max=1048576,-,65536 text=checked rsv=0 lengths=shortest started=2026-11-26T03:28:57.1408000Z dropped=0 state=open
| +5400 @0 <0196.746865206669727374206f662074776f207061727473
| +5556 @28 <end
