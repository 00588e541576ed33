using System.CommandLine;
using Gateway.Host.Appliance;

namespace Gateway.Host.Cli;

/// <summary>How a verb finds its gateway: <c>--socket</c>, else GATEWAY_SOCKET, else <c>api.socket</c> of <c>--config</c> or of ./appliance.json.</summary>
internal sealed class Where
{
    public Option<string?> Socket { get; } = new("--socket") { Description = "Unix socket of the gateway.", HelpName = "PATH", Recursive = true };

    public Option<string?> Config { get; } = new("--config") { Description = "appliance.json of the gateway.", HelpName = "FILE", Recursive = true };

    public Option<bool> Json { get; } = new("--json") { Description = "Print JSON.", Recursive = true };

    public GatewayClient Connect(ParseResult parsed) => new(SocketOf(parsed));

    /// <summary>Where the gateway is only looked at through its files: <c>--config</c> was given and no socket, and nobody answers.</summary>
    public ApplianceConfig? Offline(ParseResult parsed)
    {
        if (parsed.GetValue(Socket) is not null || (parsed.GetValue(Config) is null && Environment.GetEnvironmentVariable("GATEWAY_SOCKET") is { Length: > 0 })) return null;
        var file = parsed.GetValue(Config) ?? ApplianceFile.DefaultName;
        return File.Exists(file) && Load(file) is var config && !Answers(config.Api.Socket) ? config : null;
    }

    private static bool Answers(string path)
    {
        using var probe = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Unspecified);
        try
        {
            probe.Connect(new System.Net.Sockets.UnixDomainSocketEndPoint(path));
            return true;
        }
        catch (System.Net.Sockets.SocketException)
        {
            return false;
        }
    }

    private string SocketOf(ParseResult parsed)
    {
        if (parsed.GetValue(Socket) is { } given) return given;
        if (parsed.GetValue(Config) is { } config) return Load(config).Api.Socket;
        if (Environment.GetEnvironmentVariable("GATEWAY_SOCKET") is { Length: > 0 } variable) return variable;
        return File.Exists(ApplianceFile.DefaultName)
            ? Load(ApplianceFile.DefaultName).Api.Socket
            : throw new CliException(ExitCodes.Unreachable, "Which gateway? Give --socket PATH, set GATEWAY_SOCKET, or run where appliance.json is.");
    }

    private static ApplianceConfig Load(string file)
    {
        try
        {
            return ApplianceFile.Load(file);
        }
        catch (ApplianceException e)
        {
            throw new CliException(ExitCodes.Usage, e.Message);
        }
    }
}
