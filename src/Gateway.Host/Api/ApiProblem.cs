namespace Gateway.Host.Api;

/// <summary>What went wrong with a request, for programs (<paramref name="Code"/>) and people (<paramref name="Message"/>).</summary>
public sealed record ApiProblem(string Code, string Message);
