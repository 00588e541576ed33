namespace Gateway.Host.Api.Views;

/// <summary>A row of <c>show conntrack</c>: a setting of the tracking of flows as it is in force, or a number that it keeps.</summary>
/// <param name="Name">Of the setting, as in the item; or <c>flows</c>, <c>begun</c>, <c>expired</c>, <c>evicted</c>.</param>
/// <param name="Value">As text, times like <c>2h</c>.</param>
public sealed record ConntrackRow(string Name, string Value);
