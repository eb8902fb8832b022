using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// How a client of tests opens its connection: some of the request is the test's own, and nobody watches over the connection, see
/// <see cref="ClientConnection.Step"/>.
/// </summary>
/// <param name="Amend">What is sent in the place of a request.</param>
/// <param name="IsItsOwn">
/// True when the test has changed what the answer is checked by: then any 101 opens the connection, with nothing agreed on.
/// </param>
internal sealed record TestHandshake(Func<Request, Request> Amend, bool IsItsOwn);
