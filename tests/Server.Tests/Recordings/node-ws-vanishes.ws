ws-recording/1 role=server max=1048576,-,65536 text=checked rsv=4 lengths=shortest started=2026-11-26T03:29:01.2509972Z dropped=0 state=open
| +80962 @0 <419c.w.746865206669727374206f662074776f207061727473 =open,rx=text.4.22.22.28.1. !text-
| +81235 @34 <end =closed,lost $
