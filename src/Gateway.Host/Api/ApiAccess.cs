using Gateway.Policy.Commands;

namespace Gateway.Host.Api;

/// <summary>What the peer of an HTTP request may do. Commands are looked at where they are decided.</summary>
internal static class ApiAccess
{
    /// <summary>Open to everybody who can connect: a probe must not need a certificate's rights.</summary>
    private const string Health = "/v1/health";
    private const string Commands = "/v1/commands";

    /// <summary>Reading needs the right to read.</summary>
    public static Task CheckAsync(HttpContext context, IGatewayFace face, RequestDelegate next)
    {
        var path = context.Request.Path;
        if (path == Health || path == Commands || RightsOf(context, face).Read) return next(context);
        context.Response.StatusCode = StatusCodes.Status403Forbidden;
        return context.Response.WriteAsJsonAsync(new ApiProblem("forbidden", "The gateway's authorization does not let you read."), ApiJson.Options);
    }

    /// <summary>Tracing and log levels: never for those who proved nothing.</summary>
    public static bool MayOperate(HttpContext context, IGatewayFace face) => PeerPrincipal.Of(context) != PeerPrincipal.Anonymous && RightsOf(context, face).Operate;

    private static Rights RightsOf(HttpContext context, IGatewayFace face) => face.RightsOf(PeerPrincipal.Of(context));
}
