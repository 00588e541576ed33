using System.Text.Json.Nodes;

namespace Gateway.Policy.Events;

/// <summary>Turns the data of an old version of an event into that of the next version, on reading; what is stored never changes.</summary>
/// <param name="From">A stored name that is no longer written, for example <c>config.route-put.v1</c>.</param>
/// <param name="To">The name it reads as; may itself be upcast further.</param>
/// <param name="Change">A pure function of the data.</param>
public sealed record Upcast(string From, string To, Func<JsonObject, JsonObject> Change);
