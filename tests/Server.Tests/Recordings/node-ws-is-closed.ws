ws-recording/2 role=server max=1048576,-,65536 text=checked rsv=4 lengths=shortest started=2026-11-26T03:29:02.2566787Z dropped=0 state=open
| +72448 @0 <c187.68656c6c6f
| +72485 @13 >text.6
| +72626 @13 >close.0fa0656e6f756768
| +90388 @13 <8888.0fa0656e6f756768
| +90448 @27 <end
