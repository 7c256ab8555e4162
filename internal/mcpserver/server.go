// Package mcpserver shows the databases to MCP clients as six tools, over stdio
// or streamable HTTP. It translates: what a tool does is in packages query and
// answer, and every call goes through the one chain.
package mcpserver
