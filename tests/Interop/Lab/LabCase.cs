using System.Text;

namespace Gateway.Interop.Lab;

/// <summary>What the two sides are configured with; each side's swanctl.conf is written from it. The base is a net-to-net tunnel with a pre-shared key.</summary>
public sealed record LabCase
{
    /// <summary>Name of the connection on both sides.</summary>
    public const string Connection = "lab";

    /// <summary>Name of its child.</summary>
    public const string Child = "net";

    public string Ike { get; init; } = "aes128gcm16-prfsha256-x25519";

    /// <summary>The right side's, when it differs.</summary>
    public string? RightIke { get; init; }

    public string Esp { get; init; } = "aes128gcm16-x25519";

    public string? RightEsp { get; init; }

    public string LeftPsk { get; init; } = "0sTGFiLXBzay0zMi1ieXRlcy1sb25nLTAxMjM0NTY3ODk=";

    public string? RightPsk { get; init; }

    /// <summary>The left network, as the left side offers it.</summary>
    public string LeftNet { get; init; } = "10.1.0.0/24";

    /// <summary>The right network, as the left side allows it.</summary>
    public string RightNet { get; init; } = "10.2.0.0/24";

    /// <summary>The left network as the right side allows it, when it differs.</summary>
    public string? LeftNetAtRight { get; init; }

    /// <summary>The right network as the right side offers it, when it differs.</summary>
    public string? RightNetAtRight { get; init; }

    /// <summary>True when the left side cannot know the right one's address.</summary>
    public bool RightRoams { get; init; }

    /// <summary>The sides meet over IPv6.</summary>
    public bool Over6 { get; init; }

    /// <summary>Further lines of both connections, as <c>dpd_delay = 2s</c>.</summary>
    public string ConnectionLines { get; init; } = "";

    /// <summary>Further lines of both children.</summary>
    public string ChildLines { get; init; } = "";

    /// <summary>Further lines of the left child alone.</summary>
    public string LeftChildLines { get; init; } = "";

    public string LeftConf() => Conf(
        Left, RightRoams ? "%any" : Right, Ike, Esp, "left.lab", "right.lab", LeftNet, RightNet, LeftPsk, LeftChildLines);

    public string RightConf() => Conf(
        Right, Left, RightIke ?? Ike, RightEsp ?? Esp, "right.lab", "left.lab", RightNetAtRight ?? RightNet, LeftNetAtRight ?? LeftNet, RightPsk ?? LeftPsk, "");

    private string Left => Over6 ? LabNet.LeftAddress6 : LabNet.LeftAddress;

    private string Right => Over6 ? LabNet.RightAddress6 : LabNet.RightAddress;

    private string Conf(string local, string remote, string ike, string esp, string id, string peer, string localNet, string remoteNet, string psk, string more) => new StringBuilder()
        .AppendLine("connections {").AppendLine($"  {Connection} {{")
        .AppendLine("    version = 2").AppendLine("    mobike = no")
        .AppendLine($"    local_addrs = {local}").AppendLine($"    remote_addrs = {remote}")
        .AppendLine($"    proposals = {ike}").AppendLine($"    {ConnectionLines}")
        .AppendLine($"    local {{\n      auth = psk\n      id = {id}\n    }}")
        .AppendLine($"    remote {{\n      auth = psk\n      id = {peer}\n    }}")
        .AppendLine($"    children {{\n      {Child} {{")
        .AppendLine($"        local_ts = {localNet}").AppendLine($"        remote_ts = {remoteNet}")
        .AppendLine($"        esp_proposals = {esp}").AppendLine($"        {ChildLines}\n        {more}")
        .AppendLine("      }\n    }\n  }\n}")
        .AppendLine($"secrets {{\n  ike-lab {{\n    id-1 = {id}\n    id-2 = {peer}\n    secret = {psk}\n  }}\n}}")
        .ToString();
}
