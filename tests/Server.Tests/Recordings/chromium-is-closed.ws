ws-recording/2 role=server max=1048576,-,65536 text=checked rsv=4 lengths=shortest started=2026-11-26T03:29:08.4671071Z dropped=0 state=open
| +7044 @0 <c187.68656c6c6f
| +7072 @13 >text.6
| +7299 @13 >close.0fa0656e6f756768
| +7599 @13 <8888.0fa0656e6f756768
| +7750 @27 <end
