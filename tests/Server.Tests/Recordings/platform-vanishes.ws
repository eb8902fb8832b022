ws-recording/1 role=server max=1048576,-,65536 text=checked rsv=0 lengths=shortest started=2026-11-26T03:28:57.1408000Z dropped=0 state=open
| +5400 @0 <0196.w.746865206669727374206f662074776f207061727473 =open,rx=text.0.22.22.22.1. !text-
| +5556 @28 <end =closed,lost $
